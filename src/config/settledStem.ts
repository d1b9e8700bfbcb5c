import type { Stem } from './trainConfig.js';

/** The largest views that the stem for small pictures is taken for, in pixels. */
const LARGEST_FOR_CIFAR_STEM = 64;

/**
 * The stem for views of a size, where none was asked for. With that of ImageNet models, the last stage
 * sees views of 64 pixels as 2 × 2 positions: too few to tell small pictures apart.
 */
export function settledStem(stem: Stem | 'auto', imageSize: number): Stem {
  if (stem !== 'auto') return stem;
  return imageSize <= LARGEST_FOR_CIFAR_STEM ? 'cifar' : 'imagenet';
}
