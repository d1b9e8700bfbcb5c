import type { DatasetSize } from '#moco/data/dataset.js';
import type { FoundInput } from '#moco/pictures/input.js';

/** Pictures in memory, of 32 × 32, that cannot be loaded. */
export function foundInput(size: DatasetSize): FoundInput {
  return {
    size,
    ...{ imageSize: 32, storedSize: 32, staysInFile: false },
    load: () => Promise.reject(new Error('there are none')),
  };
}
