import type { PackedPictures } from './openPacked.js';
import { NO_LABEL, TEST, TRAIN, VALIDATION } from './source.js';

/** Which pictures of a packed file to use. */
export interface PackedUse {
  /** Number of training pictures, taken from the start; at most, and when absent, all of them. */
  readonly trainLimit?: number | undefined;
  /** Number of test pictures, taken from the start; at most, and when absent, all of them. */
  readonly testLimit?: number | undefined;
}

/** One split of a packed file, whose pixels stay in there. */
export interface PackedSplit {
  readonly pixels: {
    readonly path: string;
    readonly offset: number;
    readonly pictures: number;
    readonly rows: Uint32Array;
  };
  readonly labels: Int32Array;
  readonly count: number;
  readonly height: number;
  readonly width: number;
}

/** A packed file as a data set. */
export interface PackedDataset {
  readonly name: string;
  readonly classes: readonly string[];
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
  readonly train: PackedSplit;
  readonly test: PackedSplit;
  readonly notices: readonly string[];
  readonly fingerprint: string;
  readonly cropShare: number;
}

/**
 * A packed file as a data set. Its test pictures are measured on; where there are none, or where only
 * the validation pictures have labels, those are.
 */
export function datasetOf(packed: PackedPictures, use: PackedUse = {}): PackedDataset {
  const { classes, broken, meta, fingerprint } = packed;
  const rows = { train: rowsOf(packed, TRAIN), ...measuredRows(packed) };
  const skipped = `${broken.length} files could not be read and are left out: moco data info lists them`;
  return {
    name: packed.path,
    classes,
    mean: meta.mean,
    std: meta.std,
    train: splitOf(packed, rows.train.subarray(0, use.trainLimit)),
    test: splitOf(packed, rows.test.subarray(0, use.testLimit)),
    notices: [...meta.notices, ...rows.notices, ...(broken.length > 0 ? [skipped] : [])],
    fingerprint,
    cropShare: Math.min(1, meta.imageSize / meta.storedSize),
  };
}

function measuredRows(packed: PackedPictures): { test: Uint32Array; notices: string[] } {
  const [test, validation] = [rowsOf(packed, TEST), rowsOf(packed, VALIDATION)];
  const hasLabels = (rows: Uint32Array) => rows.some((row) => packed.labels[row] !== NO_LABEL);
  const isBetter = test.length === 0 || (!hasLabels(test) && hasLabels(validation));
  if (validation.length === 0 || !isBetter) return { test, notices: [] };
  const why = test.length === 0 ? '' : ', since only they have labels';
  return { test: validation, notices: [`measured on the validation pictures${why}`] };
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
