import type { EmbedResult, EmbedStartEvent } from '../index.js';
import { encoderLines } from './headerText.js';
import { printable } from './printable.js';
import { count } from './quantities.js';
import { shownPath } from './shownPath.js';

/** Broken files that are listed. */
const LISTED = 20;

/** What is embedded, with which model, and where. */
export function embedHeader({ description, places, pictures, done }: EmbedStartEvent): string[] {
  const paths = places.map(shownPath).join(', ');
  const earlier = done > 0 ? [`        goes on after ${done}, which are there already`] : [];
  return [
    ...encoderLines(description),
    `data    ${paths}: ${count(pictures, 'picture')}`,
    ...earlier,
  ];
}

/** What was written, and which files gave no features. */
export function embedReport({ files, dims, broken }: EmbedResult): string[] {
  const [out, ...beside] = files.map(shownPath);
  const more = beside.length > 0 ? `, their names in ${beside.join(', ')}` : '';
  return [
    `wrote ${out}: ${count(dims[0], 'picture')}, ${dims[1]} numbers each${more}`,
    ...brokenLines(broken),
  ];
}

function brokenLines(broken: EmbedResult['broken']): string[] {
  if (broken.length === 0) return [];
  const listed = broken.slice(0, LISTED).map(({ name, reason }) => `  ${name}: ${reason}`);
  const rest = broken.length - listed.length;
  const more = rest > 0 ? [`  … and ${rest} more (--json lists all)`] : [];
  const head = `${count(broken.length, 'file')} could not be read and ${broken.length === 1 ? 'is' : 'are'} left out`;
  return [head, ...listed, ...more].map(printable);
}
