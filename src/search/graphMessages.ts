import type { Metric } from './indexOptions.js';

/** What the thread of a graph is asked to do; one after the other. */
export type GraphRequest =
  | { readonly type: 'open'; readonly dims: number; readonly metric: Metric }
  | { readonly type: 'read'; readonly path: string }
  | { readonly type: 'add'; readonly first: number; readonly rows: Float32Array }
  | { readonly type: 'search'; readonly queries: Float32Array; readonly k: number }
  | { readonly type: 'write'; readonly path: string };

/** The neighbours of some queries, as the graph finds them. */
export interface GraphFound {
  /** queries × k; what is behind `counts` is to be left out. */
  readonly rows: Uint32Array;
  readonly similarities: Float32Array;
  /** How many neighbours of each query were found: mostly k. */
  readonly counts: Uint32Array;
}

/** What the thread answers. */
export type GraphAnswer =
  | { readonly number: number; readonly found?: GraphFound | undefined; readonly size: number }
  | { readonly number: number; readonly failure: string; readonly isMissing: boolean };
