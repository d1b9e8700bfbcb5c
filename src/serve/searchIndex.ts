/** What the service asks of an index: a `NeighbourIndex`, or what stands for one. */
export interface SearchIndex {
  /** How many features it holds. */
  readonly size: number;
  readonly metric: string;
  /**
   * Finds the features that are nearest to each query.
   * @param queries row by row
   * @returns for each query `k` neighbours, the nearest first
   */
  search(
    queries: Float32Array,
    options: { readonly k: number; readonly signal?: AbortSignal | undefined },
  ): Promise<{
    readonly ids: readonly (readonly string[])[];
    readonly rows: ArrayLike<number>;
    readonly similarities: ArrayLike<number>;
  }>;
}
