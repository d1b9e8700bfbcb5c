/** Margin that crops have beyond the views, as a share: 256 for 224. */
const MARGIN = 8 / 7;

/**
 * The side of stored pictures for views of `imageSize`, in pixels: the same up to 32, as CIFAR's
 * pictures are, and an eighth of it more above that, to a multiple of eight: 64 → 72, 224 → 256.
 */
export function storedSizeFor(imageSize: number): number {
  return imageSize <= 32 ? imageSize : 8 * Math.round((imageSize * MARGIN) / 8);
}
