import type { DatasetName, DatasetSize } from '../data/dataset.js';
import { sizeByName } from '../data/sizeByName.js';
import type { CommandConfig } from './commandConfig.js';
import type { CrossCheck } from './crossCheck.js';
import { configError } from './problems.js';

/** The fewest training pictures that there must be, because BatchNorm needs two. */
const LEAST_LEFT = 2;

/** The keys that say how many pictures there are. */
export interface DataLimits {
  readonly dataset: DatasetName;
  /** Folders or a packed file in place of `dataset`; how many pictures they hold no name tells. */
  readonly data?: readonly string[] | undefined;
  readonly trainLimit?: number | undefined;
  readonly testLimit?: number | undefined;
  /** Training pictures that are held out. */
  readonly validation?: number | undefined;
}

/** A rule about the number of pictures, which is fully known once the data set's files are found. */
export interface PictureCheck<Config extends DataLimits> extends CrossCheck<Config> {
  /**
   * @param size of the data set; before its files are looked for, what its name tells
   * @returns what is wrong, or undefined
   */
  problem(config: Config, size?: DatasetSize): string | undefined;
}

/**
 * Checks a configuration with the number of pictures that there really are.
 * @throws MocoError `ERR_MOCO_CONFIG` that lists everything that is wrong
 */
export function requirePictures<Config extends DataLimits>(
  command: CommandConfig,
  checks: readonly PictureCheck<Config>[],
  config: Config,
  size: DatasetSize,
): void {
  const problems = checks.flatMap(({ keys: [path], problem }) => {
    const message = problem(config, size);
    return message === undefined ? [] : [{ path, message }];
  });
  if (problems.length > 0) throw configError(command, problems);
}

/** No more pictures are asked for than the data set has, and it has some. */
export const limitChecks: readonly PictureCheck<DataLimits>[] = [
  {
    keys: ['dataRoot', 'dataset'],
    problem: (config, { train, source } = sizeByName(config)) =>
      train < LEAST_LEFT
        ? `expected at least ${LEAST_LEFT} training pictures, there is ${train} ${source}`
        : undefined,
  },
  {
    keys: ['trainLimit', 'dataset'],
    problem: (config, size = sizeByName(config)) =>
      (config.trainLimit ?? 0) > size.train
        ? `expected at most ${wholeSplit(size)}, given ${config.trainLimit}`
        : undefined,
  },
  {
    keys: ['testLimit', 'dataset'],
    problem: (config, { test, source } = sizeByName(config)) =>
      (config.testLimit ?? 0) > test
        ? `expected at most ${test}, the number of test pictures ${source}, given ${config.testLimit}`
        : undefined,
  },
];

/** Keys about the labels and splits of one's own pictures need some. */
export const ownPicturesCheck: PictureCheck<DataLimits & { readonly labels: string }> = {
  keys: ['labels', 'data'],
  problem: ({ data = [], labels }) =>
    labels !== 'none' && data.length === 0
      ? `expected none for a data set that has a name, given ${labels}: name your own pictures with --data`
      : undefined,
};

/** What is held out leaves something to train on. */
export const validationCheck: PictureCheck<DataLimits> = {
  keys: ['validation', 'trainLimit', 'dataset'],
  problem: ({ validation = 0, ...limits }, size) => {
    const available = trainingPictures(limits, size);
    return validation === 0 || validation <= available - LEAST_LEFT
      ? undefined
      : `expected at most ${available - LEAST_LEFT} of the ${available} training pictures, given ${validation}`;
  },
};

/** There are training pictures enough for `k` neighbours; without labels, none votes. */
export const neighboursCheck: PictureCheck<
  DataLimits & { readonly k: number; readonly labels: string }
> = {
  keys: ['k', 'trainLimit', 'validation', 'dataset'],
  problem: ({ k, labels, ...limits }, size) =>
    limits.data?.length && labels === 'none'
      ? undefined
      : tooMany(k, limits, size, ': the kNN bank holds the training pictures'),
};

/**
 * The problem where `given` is more than the training pictures that are not held out; else
 * undefined.
 */
export function tooMany(
  given: number,
  config: DataLimits,
  size = sizeByName(config),
  reason = '',
): string | undefined {
  const { trainLimit, validation = 0 } = config;
  const available = trainingPictures(config, size);
  const left = available - validation;
  // Where too few are left for any training, another check reports that.
  if (given <= left || left < LEAST_LEFT) return undefined;
  const limit = available === trainLimit ? `trainLimit (${trainLimit})` : wholeSplit(size);
  const most = validation === 0 ? limit : `${left}, the training pictures that validation leaves`;
  return `expected at most ${most}${reason}, given ${given}`;
}

/** Number of training pictures before any are held out. */
export function trainingPictures(config: DataLimits, { train } = sizeByName(config)): number {
  return Math.min(config.trainLimit ?? Number.POSITIVE_INFINITY, train);
}

function wholeSplit({ train, source }: DatasetSize): string {
  return `${train}, the number of training pictures ${source}`;
}
