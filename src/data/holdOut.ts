import type { Dataset, Pictures } from './dataset.js';
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
    train: select(
      train,
      numbers.filter((index) => isHeldOut[index] === 0),
    ),
    validation: select(
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

function select(pictures: Pictures, indices: Uint32Array): Pictures {
  const { height, width } = pictures;
  const labels = Int32Array.from(indices, (index) => pictures.labels[index] as number);
  const pixels = selectPixels(pictures, indices);
  return { pixels, labels, count: indices.length, height, width };
}

/** Those in memory are copied; of those in a file, other rows are taken. */
function selectPixels(
  { pixels, height, width }: Pictures,
  indices: Uint32Array,
): Pictures['pixels'] {
  if (!(pixels instanceof Uint8Array)) {
    return { ...pixels, rows: indices.map((index) => pixels.rows[index] as number) };
  }
  const bytes = 3 * height * width;
  const selected = new Uint8Array(indices.length * bytes);
  for (const [place, index] of indices.entries()) {
    selected.set(pixels.subarray(index * bytes, (index + 1) * bytes), place * bytes);
  }
  return selected;
}
