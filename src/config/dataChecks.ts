import type { DatasetName } from '../data/dataset.js';
import { SPLIT_COUNTS } from '../data/splitCounts.js';
import type { CrossCheck } from './crossCheck.js';

/** The fewest training pictures that there must be, because BatchNorm needs two. */
const LEAST_LEFT = 2;

/** The keys that say how many pictures there are. */
export interface DataLimits {
  readonly dataset: DatasetName;
  readonly trainLimit?: number | undefined;
  readonly testLimit?: number | undefined;
  /** Training pictures that are held out. */
  readonly validation?: number | undefined;
}

/** No more pictures are asked for than the data set has. */
export const limitChecks: readonly CrossCheck<DataLimits>[] = [
  {
    keys: ['trainLimit', 'dataset'],
    problem: ({ dataset, trainLimit = 0 }) =>
      trainLimit > SPLIT_COUNTS[dataset].train
        ? `expected at most ${wholeSplit(dataset)}, given ${trainLimit}`
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

/** What is held out leaves something to train on. */
export const validationCheck: CrossCheck<DataLimits> = {
  keys: ['validation', 'trainLimit', 'dataset'],
  problem: ({ validation = 0, ...limits }) => {
    const available = trainingPictures(limits);
    return validation === 0 || validation <= available - LEAST_LEFT
      ? undefined
      : `expected at most ${available - LEAST_LEFT} of the ${available} training pictures, given ${validation}`;
  },
};

/** There are training pictures enough for `k` neighbours. */
export const neighboursCheck: CrossCheck<DataLimits & { readonly k: number }> = {
  keys: ['k', 'trainLimit', 'validation', 'dataset'],
  problem: (config) => tooMany(config.k, config, ': the kNN bank holds the training pictures'),
};

/**
 * The problem where `given` is more than the training pictures that are not held out; else
 * undefined.
 */
export function tooMany(given: number, config: DataLimits, reason = ''): string | undefined {
  const { dataset, trainLimit, validation = 0 } = config;
  const available = trainingPictures(config);
  const left = available - validation;
  // Where too few are left for any training, another check reports that.
  if (given <= left || left < LEAST_LEFT) return undefined;
  const limit = available === trainLimit ? `trainLimit (${trainLimit})` : wholeSplit(dataset);
  const most = validation === 0 ? limit : `${left}, the training pictures that validation leaves`;
  return `expected at most ${most}${reason}, given ${given}`;
}

/** Number of training pictures before any are held out. */
export function trainingPictures({
  dataset,
  trainLimit = Number.POSITIVE_INFINITY,
}: DataLimits): number {
  return Math.min(trainLimit, SPLIT_COUNTS[dataset].train);
}

function wholeSplit(dataset: DatasetName): string {
  return `${SPLIT_COUNTS[dataset].train}, the number of training pictures of ${dataset}`;
}
