import type { Dataset, Pictures, PixelFile, SplitCounts } from '../data/dataset.js';
import type { PackedPictures } from './openPacked.js';
import { NO_LABEL, TEST, TRAIN, VALIDATION } from './source.js';

/** The least standard deviation: pictures that are all of one colour are divided by it. */
const LEAST_STD = 1 / 255;

/** How many pictures of a packed file to use. */
export interface PackedUse {
  /** At most so many training pictures, and when absent, all; spread evenly over those there are. */
  readonly trainLimit?: number | undefined;
  /** The same for test pictures. */
  readonly testLimit?: number | undefined;
}

/** Pictures whose pixels stay in the packed file. */
type PackedSplit = Pictures & { readonly pixels: PixelFile };

/**
 * A packed file as a data set. What is measured on are its test pictures; where there are none, or
 * where only the validation pictures have labels, those are.
 */
export function datasetOf(packed: PackedPictures, use: PackedUse = {}): Dataset<PackedSplit> {
  const { classes, broken, meta, fingerprint } = packed;
  const { test, validation, notices } = measuredRows(packed);
  const skipped = `${broken.length} files could not be read and are left out: moco data info lists them`;
  return {
    name: packed.path,
    classes,
    mean: meta.mean,
    std: meta.std.map((value) => Math.max(LEAST_STD, value)) as [number, number, number],
    train: splitOf(packed, spread(rowsOf(packed, TRAIN), use.trainLimit)),
    test: splitOf(packed, spread(test, use.testLimit)),
    validation: validation && splitOf(packed, validation),
    notices: [...meta.notices, ...notices, ...(broken.length > 0 ? [skipped] : [])],
    fingerprint,
    cropShare: Math.min(1, meta.imageSize / meta.storedSize),
  };
}

/** At most so many rows: neighbours in a file are alike, so that they are taken from everywhere. */
function spread(rows: Uint32Array, limit = Infinity): Uint32Array {
  if (rows.length <= limit) return rows;
  const at = (index: number) => rows[Math.floor((index * rows.length) / limit)] as number;
  return Uint32Array.from({ length: limit }, (_, index) => at(index));
}

/** How many training and test pictures `datasetOf` would give without limits. */
export function countsOf(packed: PackedPictures): SplitCounts {
  return { train: rowsOf(packed, TRAIN).length, test: measuredRows(packed).test.length };
}

interface MeasuredRows {
  readonly test: Uint32Array;
  readonly validation: Uint32Array | undefined;
  readonly notices: readonly string[];
}

function measuredRows(packed: PackedPictures): MeasuredRows {
  const [test, validation] = [rowsOf(packed, TEST), rowsOf(packed, VALIDATION)];
  if (validation.length === 0) return { test, validation: undefined, notices: [] };
  const hasLabels = (rows: Uint32Array) => rows.some((row) => packed.labels[row] !== NO_LABEL);
  const isBetter = test.length === 0 || (!hasLabels(test) && hasLabels(validation));
  if (!isBetter) return { test, validation, notices: [] };
  const why = test.length === 0 ? '' : ', since only they have labels';
  const notices = [`measured on the validation pictures${why}`];
  return { test: validation, validation: undefined, notices };
}

function rowsOf({ splits }: PackedPictures, split: number): Uint32Array {
  const rows = new Uint32Array(splits.length);
  let count = 0;
  for (const [row, its] of splits.entries()) {
    if (its === split) rows[count++] = row;
  }
  return rows.slice(0, count);
}

function splitOf({ path, pixels, labels }: PackedPictures, rows: Uint32Array): PackedSplit {
  const { offset, count, side } = pixels;
  return {
    pixels: { path, offset, pictures: count, rows },
    labels: Int32Array.from(rows, (row) => labels[row] as number),
    count: rows.length,
    height: side,
    width: side,
  };
}
