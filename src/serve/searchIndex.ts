import type { NeighbourIndex } from '../search/neighbourIndex.js';

/** What the service asks of an index: a `NeighbourIndex`, or what stands for one. */
export type SearchIndex = Pick<
  NeighbourIndex,
  'size' | 'dims' | 'metric' | 'meta' | 'labelOf' | 'search'
>;
