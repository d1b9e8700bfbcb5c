import { types } from 'node:util';
import { z } from 'zod';
import * as check from '../arguments/check.js';
import { METRICS } from '../features/featureMeta.js';

/** How two vectors are compared. */
export type Metric = (typeof METRICS)[number];

/** What goes before the exact comparison of a query with rows. */
export const FIRST_PASSES = ['auto', 'none', 'int8'] as const;

/** How an index searches. */
export interface SearchOptions {
  /**
   * `int8`: rows are also kept in one byte for each number, a quarter of fp32, from which it follows
   * which rows need not be compared exactly. What is found is the same to the last bit. `auto` (the
   * default): where the processor can do it fast.
   */
  readonly firstPass?: (typeof FIRST_PASSES)[number] | undefined;
  /**
   * Searches a graph of neighbours (HNSW, by usearch) in the place of all rows: for many millions of
   * rows. It may miss some of the nearest, and rounds vectors to fp16, and so similarities to about
   * 0.001. The graph is made in memory, which takes minutes for 100,000 long rows, and saved beside the
   * features. Needs the package `usearch`.
   */
  readonly approximate?: boolean | undefined;
  /** Threads that search; `auto` (the default): as many as the process has cores. */
  readonly threads?: 'auto' | number | undefined;
  /** Ends the making of the index. */
  readonly signal?: AbortSignal | undefined;
}

/** What an index is built from, beside the vectors. */
export interface BuildOptions extends SearchOptions {
  /** Numbers of a vector. */
  readonly dims: number;
  /** What each vector is of, such as a file's name; by default, the number of its row. */
  readonly ids?: readonly string[] | undefined;
  /** A number for each vector: its class, an index into `classes`, or −1. */
  readonly labels?: Int32Array | undefined;
  /** Names of the classes. */
  readonly classes?: readonly string[] | undefined;
  /** How vectors are compared; `cosine` by default. */
  readonly metric?: Metric | undefined;
}

export interface LoadOptions extends SearchOptions {
  /** By default as the file says, else `cosine`. */
  readonly metric?: Metric | undefined;
  /**
   * Compares all features with the checksum in the file before anything is found among them, which
   * reads the whole file once more. False by default.
   */
  readonly verify?: boolean | undefined;
}

export interface QueryOptions {
  /** How many neighbours to find of each query; 10 by default. */
  readonly k?: number | undefined;
  /** Ends this search, and no other. */
  readonly signal?: AbortSignal | undefined;
}

export interface DuplicateOptions {
  /** The least similarity of a pair; for `euclidean`, which has negative distances, at most 0. */
  readonly threshold: number;
  /** How many pairs are listed, the most similar ones; 100,000 by default. Groups count all pairs. */
  readonly maxPairs?: number | undefined;
  /** Is called now and then. */
  readonly onProgress?: ((progress: DuplicateProgress) => void) | undefined;
  /** Ends the search. */
  readonly signal?: AbortSignal | undefined;
}

/** How far a search for duplicates is. */
export interface DuplicateProgress {
  /** Pairs that have been compared, and all pairs. */
  readonly compared: number;
  readonly pairs: number;
}

export const MOST_DIMS = 1_048_576;
export const MOST_ROWS = 4_294_967_295;

/** A `Float32Array` of any realm. */
export const vectors = z.custom<Float32Array>(types.isFloat32Array, 'a Float32Array');

const whole = (least: number, most: number) =>
  z.custom<number>(
    (value) => Number.isInteger(value) && (value as number) >= least && (value as number) <= most,
    `a whole number from ${least} to ${most}`,
  );

const searchChecks = {
  firstPass: check.oneOf(FIRST_PASSES),
  approximate: check.flag,
  threads: z
    .custom<'auto' | number>(
      (value) => value === 'auto' || whole(1, 1024).safeParse(value).success,
      'auto, or a whole number from 1 to 1024',
    )
    .optional(),
  signal: check.signal,
};

const strings = z.array(z.string('a text'), 'a list of texts').readonly().optional();

export const BUILD_ARGUMENTS = {
  data: vectors,
  options: check.options<BuildOptions>({
    ...searchChecks,
    dims: whole(1, MOST_DIMS),
    ids: strings,
    labels: z.custom<Int32Array>(types.isInt32Array, 'an Int32Array').optional(),
    classes: strings,
    metric: check.oneOf(METRICS),
  }),
};

export const LOAD_ARGUMENTS = {
  path: check.path,
  options: check.options<LoadOptions>({
    ...searchChecks,
    metric: check.oneOf(METRICS),
    verify: check.flag,
  }),
};

export const QUERY_ARGUMENTS = {
  query: vectors,
  options: check.options<QueryOptions>({
    k: whole(1, MOST_ROWS).optional(),
    signal: check.signal,
  }),
};

export const DUPLICATE_ARGUMENTS = {
  options: check.options<DuplicateOptions>({
    threshold: z.number('a number'),
    maxPairs: whole(0, 10_000_000).optional(),
    onProgress: check.callback,
    signal: check.signal,
  }),
};
