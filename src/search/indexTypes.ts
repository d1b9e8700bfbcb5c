import type { FeatureMeta } from '../features/featureMeta.js';
import type { FeatureDtype, Unembedded } from '../features/featureTensors.js';
import type { Metric } from './indexOptions.js';

/** The neighbours of one query, or of several. */
export interface FoundNeighbours {
  /** Neighbours of each query: as many as asked for, or as the index has. */
  readonly k: number;
  /** queries × k each, query by query, the most similar first. */
  readonly ids: readonly string[];
  /** Their rows in the index, counted from 0. */
  readonly rows: Uint32Array;
  /** By the index's metric: cosine, dot product or negative Euclidean distance. */
  readonly similarities: Float32Array;
}

/** What an index is, and what it holds. */
export interface IndexDescription {
  readonly size: number;
  readonly dims: number;
  readonly metric: Metric;
  readonly dtype: FeatureDtype;
  /** The file that is mapped into memory; undefined where the vectors were copied. */
  readonly path: string | undefined;
  /** Whether a graph of neighbours is searched in the place of all rows. */
  readonly approximate: boolean;
  /** What goes before the exact comparison, and why. */
  readonly firstPass: 'none' | 'int8';
  readonly firstPassReason: string;
  readonly threads: number;
  readonly threadsReason: string;
  /** Memory that is held, without the pages of a mapped file. */
  readonly memoryBytes: number;
}

/** What an index has beside its vectors. */
export interface IndexContent {
  readonly ids: readonly string[];
  readonly labels: Int32Array | undefined;
  readonly classes: readonly string[] | undefined;
  readonly broken: readonly Unembedded[];
  readonly meta: FeatureMeta;
}
