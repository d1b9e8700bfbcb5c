import { distance } from 'fastest-levenshtein';
import { MocoError } from '../error.js';
import { type CommandConfig, initCommand } from './commandConfig.js';

/** One thing that is wrong with a configuration. */
export interface ConfigProblem {
  /** The key, flag or file that is wrong. */
  readonly path: string;
  /** What was expected and what was given. */
  readonly message: string;
  /** `cfg.json:3:5`, `--batch-size`; absent where a program gave the value. */
  readonly where?: string | undefined;
}

/** One `ERR_MOCO_CONFIG` that lists all problems. */
export function configError(command: CommandConfig, problems: readonly ConfigProblem[]): MocoError {
  const lines = problems.map(
    ({ path, message, where }) => `  ${path}: ${message}${where ? ` (${where})` : ''}`,
  );
  const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
  return new MocoError('ERR_MOCO_CONFIG', `the configuration has ${count}:\n${lines.join('\n')}`, {
    hint: `\`moco ${command.name} --help\` lists every flag, \`${initCommand(command)}\` every key with its default.`,
  });
}

/** What to say of a name that is none of those known: the one that it most likely means, if any. */
export function unknownName(kind: 'flag' | 'key', name: string, known: readonly string[]): string {
  const meant = nearest(name, known);
  return `unknown ${kind}${meant === undefined ? '' : `; the nearest known one is ${meant}`}`;
}

/**
 * The candidate that differs in the fewest letters, unless more than half of them differ. Capitals,
 * `_` and `-` make no difference.
 */
function nearest(name: string, candidates: readonly string[]): string | undefined {
  const plain = (text: string) => text.replace(/[-_]/g, '').toLowerCase();
  const given = plain(name);
  const distances = candidates.map((candidate) => distance(given, plain(candidate)));
  const least = Math.min(...distances);
  const closest = candidates[distances.indexOf(least)] as string;
  const isMeant = least <= Math.max(given.length, plain(closest).length) / 2;
  return isMeant ? closest : undefined;
}

/** A value as a person would type it, cut to one short line. */
export function shown(value: unknown): string {
  const text = typeof value === 'string' ? JSON.stringify(value) : plainText(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

function plainText(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  return typeof value === 'function' ? 'a function' : String(value);
}
