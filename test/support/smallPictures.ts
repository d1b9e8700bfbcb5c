import type { PicturesInMemory } from '#moco/data/dataset.js';
import type { NativeDataset } from '#moco/native/input.js';

/** Tiny pictures (8 × 8) of noise-like bytes, of ten classes in turn. */
export function smallPictures(count: number): PicturesInMemory {
  const pixels = new Uint8Array(count * 3 * 8 * 8).map((_, index) => (index * 2654435761) >>> 13);
  const labels = new Int32Array(count).map((_, index) => index % 10);
  return { pixels, labels, count, height: 8, width: 8 };
}

/** A data set of such pictures. */
export function smallDataset(train: number, test: number): NativeDataset {
  return {
    train: smallPictures(train),
    test: smallPictures(test),
    classes: Array.from({ length: 10 }, (_, label) => `class ${label}`),
    mean: [0.5, 0.5, 0.5],
    std: [0.25, 0.25, 0.25],
    cropShare: 1,
  };
}
