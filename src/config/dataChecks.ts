import type { DatasetName } from '../data/dataset.js';
import { SPLIT_COUNTS } from '../data/splitCounts.js';
import type { CrossCheck } from './crossCheck.js';

/** The keys that say how many pictures there are. */
export interface DataLimits {
  readonly dataset: DatasetName;
  readonly trainLimit?: number | undefined;
  readonly testLimit?: number | undefined;
}

/** No more pictures are asked for than the data set has. */
export const limitChecks: readonly CrossCheck<DataLimits>[] = [
  {
    keys: ['trainLimit', 'dataset'],
    problem: ({ dataset, trainLimit = 0 }) =>
      trainLimit > SPLIT_COUNTS[dataset].train
        ? `expected at most ${trainingPictures(dataset)}, given ${trainLimit}`
        : undefined,
  },
  {
    keys: ['testLimit', 'dataset'],
    problem: ({ dataset, testLimit = 0 }) => {
      const { test } = SPLIT_COUNTS[dataset];
      return testLimit > test
        ? `expected at most ${test}, the number of test pictures of ${dataset}, given ${testLimit}`
        : undefined;
    },
  },
];

/** There are training pictures enough for `k` neighbours. */
export const neighboursCheck: CrossCheck<DataLimits & { readonly k: number }> = {
  keys: ['k', 'trainLimit', 'dataset'],
  problem: (config) => tooMany(config.k, config, ': the kNN bank holds the training pictures'),
};

/** What to say where `given` is more than the training pictures that a configuration leaves. */
export function tooMany(
  given: number,
  { dataset, trainLimit = Number.POSITIVE_INFINITY }: DataLimits,
  reason = '',
): string | undefined {
  const { train } = SPLIT_COUNTS[dataset];
  if (given <= Math.min(trainLimit, train)) return undefined;
  const most = trainLimit < train ? `trainLimit (${trainLimit})` : trainingPictures(dataset);
  return `expected at most ${most}${reason}, given ${given}`;
}

function trainingPictures(dataset: DatasetName): string {
  return `${SPLIT_COUNTS[dataset].train}, the number of training pictures of ${dataset}`;
}
