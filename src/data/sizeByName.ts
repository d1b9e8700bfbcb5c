import type { DatasetName, DatasetSize } from './dataset.js';

const UNKNOWN = Number.POSITIVE_INFINITY;

/**
 * How large data sets are as far as their names tell: files in CIFAR's layout may hold any number of
 * pictures, which is infinity here.
 */
export const SIZE_BY_NAME: Readonly<Record<DatasetName, DatasetSize>> = {
  cifar10: { train: UNKNOWN, test: UNKNOWN, source: 'of cifar10' },
  cifar100: { train: UNKNOWN, test: UNKNOWN, source: 'of cifar100' },
  shapes: { train: 10_000, test: 2_000, source: 'of shapes' },
};
