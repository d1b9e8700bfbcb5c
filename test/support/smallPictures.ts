import type { NativePictures } from '#moco/native/input.js';

/** Tiny pictures (8 × 8) of noise-like bytes, of ten classes in turn. */
export function smallPictures(count: number): NativePictures {
  const pixels = new Uint8Array(count * 3 * 8 * 8).map((_, index) => (index * 2654435761) >>> 13);
  const labels = new Uint8Array(count).map((_, index) => index % 10);
  return { pixels, labels, count, height: 8, width: 8 };
}
