import { z } from 'zod';
import { MocoError } from '../error.js';
import { unknownName } from './names.js';
import { isPlainObject, shown } from './shown.js';

/** A path of a file or folder. */
export const path = z.custom<string>(
  (value) => typeof value === 'string' && value !== '' && !value.includes('\0'),
  'a path',
);

export const flag = z.boolean('true or false').optional();

export const text = z.string('a text').optional();

/** One of a few words. */
export const oneOf = (words: readonly string[]) =>
  z.enum(words, `one of ${words.join(', ')}`).optional();

/** What is called with something, now and then. */
export const callback = z.custom((value) => typeof value === 'function', 'a function').optional();

/** A signal of this realm, of another one (as in Jest), or of a polyfill. */
export const signal = z.custom(isSignal, 'an AbortSignal').optional();

/** What each option takes: the compiler demands a check for every one. */
type OptionChecks<Options> = { readonly [Key in keyof Required<Options>]: z.ZodType };

/** The options of a function: an object that has these keys and no others. */
export function options<Options extends object>(checks: OptionChecks<Options>) {
  const names = Object.keys(checks);
  const known = z.strictObject(checks, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? unknownOptions(issue.keys as string[], names)
        : undefined,
  });
  return z.custom<z.input<typeof known>>(isPlainObject, 'an object with options').pipe(known);
}

type ArgumentChecks = Readonly<Record<string, z.ZodType>>;

/** Schemas by their checks, which functions keep: to make one takes much longer than to use it. */
const schemas = new WeakMap<ArgumentChecks, z.ZodType>();

function schemaOf(checks: ArgumentChecks): z.ZodType {
  const known = schemas.get(checks);
  if (known !== undefined) return known;
  const schema = z.object(checks);
  schemas.set(checks, schema);
  return schema;
}

/**
 * Checks what a program passes to a function of the API, where it comes in: before anything is
 * read, written or started.
 * @param name of the function
 * @param checks what each argument takes, by its name
 * @param given the arguments, by their names
 * @throws MocoError `ERR_MOCO_CONFIG` that lists every argument which is wrong
 */
export function requireArguments(
  name: string,
  checks: ArgumentChecks,
  given: Readonly<Record<string, unknown>>,
): void {
  const { error } = schemaOf(checks).safeParse(given, { reportInput: true });
  if (error === undefined) return;
  const lines = error.issues.map(problem);
  throw new MocoError(
    'ERR_MOCO_CONFIG',
    `${name}() was given wrong arguments:\n${lines.map((line) => `  ${line}`).join('\n')}`,
    { hint: 'docs/api.md lists the functions, and their types say what they take.' },
  );
}

function unknownOptions(keys: readonly string[], known: readonly string[]): string {
  return keys.map((key) => `${key}: ${unknownName('option', key, known)}`).join(', ');
}

function problem({ path, code, message, input }: z.core.$ZodIssue): string {
  const place = path.join('.');
  if (code === 'unrecognized_keys') return `${place}.${message}`;
  return `${place}: expected ${message}, given ${shown(input)}`;
}

function isSignal(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { aborted, addEventListener, removeEventListener } = value as Partial<AbortSignal>;
  const isTarget = [addEventListener, removeEventListener].every(
    (member) => typeof member === 'function',
  );
  return typeof aborted === 'boolean' && isTarget;
}
