import type { ConfigProblem } from './problems.js';

/** One value that someone gave for one key. */
export interface ConfigEntry {
  readonly key: string;
  readonly value: unknown;
  /** The value as it was written. */
  readonly given: string;
  /** Place of the value; absent where a program gave it. */
  readonly where?: string;
  /** Place of the key, where that differs. */
  readonly whereKey?: string;
  /** Place of a part of the value, by the keys and numbers that lead there. */
  readonly whereIn?: (path: readonly (string | number)[]) => string;
}

/** What one source (a file, the command line, a program) gave, in its order. */
export interface ConfigLayer {
  readonly entries: ConfigEntry[];
  readonly problems: ConfigProblem[];
}
