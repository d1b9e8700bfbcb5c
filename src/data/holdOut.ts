import type { Dataset, Pictures } from './dataset.js';
import { selectPictures } from './selectPictures.js';
import { PictureRandom } from './shapeRandom.js';

/** Number of this stream of random numbers; generated pictures are drawn from streams 0 and 1. */
const HOLD_OUT = 2;

/** Training pictures, less those that are held out. */
export interface HeldOut {
  readonly train: Pictures;
  /** Undefined where none are asked for. */
  readonly validation: Pictures | undefined;
}

/**
 * Holds `count` training pictures out, drawn at random from the seed alone. Both parts keep the
 * order of the data set.
 * @param count less than there are training pictures
 */
export function holdOut({ train }: Pick<Dataset, 'train'>, count: number, seed: number): HeldOut {
  if (count === 0) return { train, validation: undefined };
  const isHeldOut = new Uint8Array(train.count);
  for (const index of permutation(train.count, seed).subarray(0, count)) isHeldOut[index] = 1;
  const numbers = Uint32Array.from({ length: train.count }, (_, index) => index);
  return {
    train: selectPictures(
      train,
      numbers.filter((index) => isHeldOut[index] === 0),
    ),
    validation: selectPictures(
      train,
      numbers.filter((index) => isHeldOut[index] === 1),
    ),
  };
}

/** 0…count − 1 in a random order (Fisher and Yates). */
function permutation(count: number, seed: number): Uint32Array {
  const random = new PictureRandom(seed, HOLD_OUT, 0);
  const indices = Uint32Array.from({ length: count }, (_, index) => index);
  for (let last = count - 1; last > 0; last--) {
    const other = random.integer(0, last);
    [indices[last], indices[other]] = [indices[other] as number, indices[last] as number];
  }
  return indices;
}
