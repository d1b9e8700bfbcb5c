import { MocoError } from '../native/error.js';
import type { DatasetRequest } from './dataset.js';

/** Number of pictures in each split. */
export interface SplitCounts {
  readonly train: number;
  readonly test: number;
}

/**
 * How many pictures of each split a request takes, of the `available` ones.
 * @throws MocoError `ERR_MOCO_DATA` where it asks for more than there are
 */
export function limitedCounts(request: DatasetRequest, available: SplitCounts): SplitCounts {
  const { dataset, trainLimit = available.train, testLimit = available.test } = request;
  requireAvailable(dataset, 'train', trainLimit, available.train);
  requireAvailable(dataset, 'test', testLimit, available.test);
  return { train: trainLimit, test: testLimit };
}

function requireAvailable(
  dataset: string,
  split: 'train' | 'test',
  limit: number,
  available: number,
): void {
  if (limit <= available) return;
  throw new MocoError(
    'ERR_MOCO_DATA',
    `${split} limit ${limit}: ${dataset} has only ${available} ${split} pictures`,
    { hint: `Set the ${split} limit to at most ${available}, or leave it out to take them all.` },
  );
}
