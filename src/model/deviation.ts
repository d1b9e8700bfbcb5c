import { quoted } from '../formats/formatError.js';
import type { Layout } from './backboneLayout.js';

/** How tensors differ from a layout. */
export interface Deviation {
  readonly missing: readonly string[];
  readonly unexpected: readonly string[];
  readonly misshaped: readonly Misshaped[];
}

export interface Misshaped {
  readonly name: string;
  readonly shape: readonly number[];
  readonly expected: readonly number[];
}

/** How many names of each kind are listed. */
const LISTED = 3;

/**
 * Compares names and shapes. BatchNorm's counter (`num_batches_tracked`), which old files lack and
 * which nothing is computed with, may be missing and have any shape.
 */
export function deviationOf(found: Layout, wanted: Layout): Deviation {
  const shapes = new Map(found.map(({ name, shape }) => [name, shape]));
  const expected = new Map(wanted.map(({ name, shape }) => [name, shape]));
  return {
    missing: [...expected.keys()].filter((name) => !shapes.has(name) && !isCounter(name)),
    unexpected: [...shapes.keys()].filter((name) => !expected.has(name)),
    misshaped: wanted.flatMap(({ name, shape: expected }) => {
      const shape = shapes.get(name);
      if (shape === undefined || isCounter(name) || shape.join() === expected.join()) return [];
      return [{ name, shape, expected }];
    }),
  };
}

/** Number of tensors that differ. */
export function deviationSize({ missing, unexpected, misshaped }: Deviation): number {
  return missing.length + unexpected.length + misshaped.length;
}

/** BatchNorm's count of batches. */
export function isCounter(name: string): boolean {
  return name.endsWith('.num_batches_tracked');
}

/**
 * What differs, in up to three indented lines.
 * @param alsoWrong what else is wrong with tensors, one text each
 */
export function deviationLines(
  { missing, unexpected, misshaped }: Deviation,
  alsoWrong: readonly string[] = [],
): string[] {
  return [
    ...listed('missing', missing),
    ...listed('unexpected', unexpected.map(quoted)),
    ...listed('wrong', [...misshaped.map(misshape), ...alsoWrong]),
  ];
}

function misshape({ name, shape, expected }: Misshaped): string {
  return `${name} is ${dimensions(shape)}, expected ${dimensions(expected)}`;
}

function dimensions(shape: readonly number[]): string {
  return shape.length === 0 ? 'a single number' : shape.join('×');
}

function listed(title: string, items: readonly string[]): string[] {
  if (items.length === 0) return [];
  const more = items.length > LISTED ? ` … (${items.length} in all)` : '';
  return [`  ${title}: ${items.slice(0, LISTED).join(', ')}${more}`];
}
