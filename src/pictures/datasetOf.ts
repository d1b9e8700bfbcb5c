import type { Dataset, Pictures } from '../data/dataset.js';
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

/** A packed file as a data set. */
export interface PackedDataset extends Dataset {
  /** Of the content: the same pictures, labels and splits have the same. */
  readonly fingerprint: string;
  /** The share of a stored picture's side that a view for measuring shows. */
  readonly cropShare: number;
}

/**
 * A packed file as a data set, whose pixels stay in the file. Its test pictures are measured on; where
 * there are none, or where only the validation pictures have labels, those are.
 */
export function datasetOf(packed: PackedPictures, use: PackedUse = {}): PackedDataset {
  const { classes, broken, meta, fingerprint } = packed;
  const measured = measuredRows(packed);
  const skipped = `${broken.length} files could not be read and are left out: moco data info lists them`;
  return {
    name: packed.path,
    classes,
    mean: meta.mean,
    std: meta.std.map((value) => Math.max(LEAST_STD, value)) as [number, number, number],
    train: splitOf(packed, spread(rowsOf(packed, TRAIN), use.trainLimit)),
    test: splitOf(packed, spread(measured.rows, use.testLimit)),
    notices: [...meta.notices, ...measured.notices, ...(broken.length > 0 ? [skipped] : [])],
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

function measuredRows(packed: PackedPictures): { rows: Uint32Array; notices: string[] } {
  const [test, validation] = [rowsOf(packed, TEST), rowsOf(packed, VALIDATION)];
  const hasLabels = (rows: Uint32Array) => rows.some((row) => packed.labels[row] !== NO_LABEL);
  const isBetter = test.length === 0 || (!hasLabels(test) && hasLabels(validation));
  if (validation.length === 0 || !isBetter) return { rows: test, notices: [] };
  const why = test.length === 0 ? '' : ', since only they have labels';
  return { rows: validation, notices: [`measured on the validation pictures${why}`] };
}

function rowsOf({ splits }: PackedPictures, split: number): Uint32Array {
  const rows = new Uint32Array(splits.length);
  let count = 0;
  for (const [row, its] of splits.entries()) {
    if (its === split) rows[count++] = row;
  }
  return rows.slice(0, count);
}

function splitOf({ path, pixels, labels }: PackedPictures, rows: Uint32Array): Pictures {
  const { offset, count, side } = pixels;
  return {
    pixels: { path, offset, pictures: count, rows },
    labels: Int32Array.from(rows, (row) => labels[row] as number),
    count: rows.length,
    height: side,
    width: side,
  };
}
