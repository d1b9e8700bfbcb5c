/** What a searcher is to be, under the names of `SearcherSettings` in native/core/search. */
export interface NativeSearcherConfig {
  /** Rows, and numbers in each. */
  readonly count: number;
  readonly dims: number;
  readonly metric: 'cosine' | 'dot' | 'euclidean';
  readonly firstPass: 'auto' | 'none' | 'int8';
  readonly threads: 'auto' | number;
}

/** Rows in a file, one after the other without gaps. */
export interface NativeFeaturePlace {
  readonly path: string;
  /** Of the first row, from the start of the file. */
  readonly offset: number;
  readonly dtype: 'F32' | 'F16';
  /** CRC-32 of all their bytes, which `prepare` compares; absent where it is not to. */
  readonly crc32?: number | undefined;
}

/** What the addon decided, and what it holds. */
export interface NativeSearcherDescription {
  readonly firstPass: 'none' | 'int8';
  /** Why, in words for the user. */
  readonly firstPassReason: string;
  readonly threads: number;
  /** Why so many, in words for the user. */
  readonly threadsReason: string;
  /** Memory that is held, without the pages of a mapped file. */
  readonly memoryBytes: number;
}

/** Work of the addon that can be ended alone, while it waits and while it runs. */
export interface NativeSearch<Result> {
  /** Rejects with `ERR_MOCO_ABORTED` after `cancel`. */
  readonly result: Promise<Result>;
  cancel(): void;
}

/** The rows that are most similar to some queries. */
export interface NativeFoundRows {
  /** Of each query: as many as asked for, or as there are. */
  readonly k: number;
  /** queries × k numbers each, row by row, the most similar first. */
  readonly rows: Uint32Array;
  readonly similarities: Float32Array;
}

/** Which rows are similar to which. */
export interface NativeSimilarRows {
  /** Of all pairs that are similar enough. */
  readonly pairCount: number;
  /** The pairs that are listed, the most similar first; `first` has the lower number. */
  readonly first: Uint32Array;
  readonly second: Uint32Array;
  readonly similarities: Float32Array;
  /** The rows of all groups, one group after the other, and where each of them ends. */
  readonly groupRows: Uint32Array;
  readonly groupEnds: Uint32Array;
}

/** Rows in the addon, on a thread of their own; runs one job at a time, in their order. */
export interface NativeSearcher {
  readonly description: NativeSearcherDescription;
  /** Copies rows, at the call, behind those that were appended before. */
  append(rows: Float32Array): Promise<void>;
  /**
   * Compares the rows with their checksum, where they have one, measures and codes them, once all of
   * them are there.
   */
  prepare(): NativeSearch<void>;
  /** @param queries any number × dims; they are copied at the call */
  search(queries: Float32Array, k: number): NativeSearch<NativeFoundRows>;
  /**
   * Compares all rows with all others, in parts, between which jobs that wait have their turn.
   * @param asked the least similarity of a pair, and how many pairs are listed
   * @param onRows is called with how many rows have been compared, once or several times
   */
  pairs(
    asked: { readonly threshold: number; readonly most: number },
    onRows: (rows: Float64Array) => void,
  ): NativeSearch<NativeSimilarRows>;
  /** The bytes of some rows, as they are stored. */
  bytesOf(first: number, count: number): Promise<Uint8Array>;
  /** Asks the running job to end soon, and those that wait. */
  stop(): void;
  /** Stops, joins the thread and frees all memory. Can be called more than once. */
  dispose(): Promise<void>;
}
