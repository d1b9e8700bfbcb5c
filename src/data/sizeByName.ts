import type { DatasetName, DatasetSize } from './dataset.js';

const UNKNOWN = Number.POSITIVE_INFINITY;

/**
 * How large data sets are as far as their names tell: files in CIFAR's layout may hold any number of
 * pictures, which is infinity here.
 */
export const SIZE_BY_NAME: Readonly<Record<DatasetName, DatasetSize>> = {
  cifar10: { train: UNKNOWN, test: UNKNOWN, source: 'of cifar10' },
  cifar100: { train: UNKNOWN, test: UNKNOWN, source: 'of cifar100' },
  stl10: { train: UNKNOWN, test: UNKNOWN, source: 'of stl10' },
  'tiny-imagenet': { train: UNKNOWN, test: UNKNOWN, source: 'of tiny-imagenet' },
  shapes: { train: 10_000, test: 2_000, source: 'of shapes' },
};

/** How large the pictures of a configuration are as far as names tell; nothing is known of files. */
export function sizeByName({
  dataset,
  data = [],
}: {
  readonly dataset: DatasetName;
  readonly data?: readonly string[] | undefined;
}): DatasetSize {
  if (data.length === 0) return SIZE_BY_NAME[dataset];
  return { train: UNKNOWN, test: UNKNOWN, source: 'of your own' };
}
