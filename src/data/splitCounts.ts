import { CIFAR10, CIFAR100, cifarCounts } from './cifarVariant.js';
import type { DatasetName, SplitCounts } from './dataset.js';

/** Pictures in the whole splits of each data set, known before anything is fetched. */
export const SPLIT_COUNTS: Readonly<Record<DatasetName, SplitCounts>> = {
  cifar10: cifarCounts(CIFAR10),
  cifar100: cifarCounts(CIFAR100),
  shapes: { train: 10_000, test: 2_000 },
};
