import type { z } from 'zod';
import { unknownName } from '../arguments/names.js';
import { shown } from '../arguments/shown.js';
import { expectedValue, type KeySchema } from './jsonSchema.js';
import type { ConfigEntry } from './layer.js';
import type { ConfigProblem } from './problems.js';

type Path = readonly (string | number)[];

/** What is wrong inside a list of objects; every problem names its place, such as `views[1].blur`. */
export function wrongParts(
  keySchema: KeySchema,
  entry: ConfigEntry,
  issues: readonly z.core.$ZodIssue[],
): ConfigProblem[] {
  return issues.flatMap((issue) => {
    const path = issue.path as Path;
    return issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => unknownPart(keySchema, entry, path, key))
      : [wrongPart(keySchema, entry, path, issue)];
  });
}

function unknownPart(
  keySchema: KeySchema,
  entry: ConfigEntry,
  path: Path,
  key: string,
): ConfigProblem {
  const known = Object.keys(schemaAt(keySchema, path).properties ?? {});
  const place = [...path, key];
  return { ...placeOf(entry, place), message: unknownName('key', key, known) };
}

function wrongPart(
  keySchema: KeySchema,
  entry: ConfigEntry,
  path: Path,
  issue: z.core.$ZodIssue,
): ConfigProblem {
  const expected =
    issue.code === 'custom' ? issue.message : expectedValue(schemaAt(keySchema, path));
  const given = path.length === 0 ? entry.given : shownPart(valueAt(entry.value, path));
  return { ...placeOf(entry, path), message: `expected ${expected}, given ${given}` };
}

function placeOf({ key, where, whereIn }: ConfigEntry, path: Path) {
  const steps = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`));
  return { path: [key, ...steps].join(''), where: whereIn?.(path) ?? where };
}

function schemaAt(keySchema: KeySchema, path: Path): KeySchema {
  return path.reduce<KeySchema>(
    (schema, step) =>
      (typeof step === 'number' ? schema.items : schema.properties?.[step]) ?? schema,
    keySchema,
  );
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce((part, step) => (part as Record<string | number, unknown>)[step], value);
}

/** A value; a list with its items. */
function shownPart(value: unknown): string {
  return Array.isArray(value) ? value.map(shown).join(', ') : shown(value);
}
