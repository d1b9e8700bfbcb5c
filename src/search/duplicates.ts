import { MocoError } from '../error.js';
import type { NativeSearcher, NativeSimilarRows } from '../native/searcher.js';
import { StoppableWork } from '../native/stoppableWork.js';
import type { DuplicateOptions, DuplicateProgress, Metric } from './indexOptions.js';

/** Two vectors that are similar. */
export interface DuplicatePair {
  readonly ids: readonly [string, string];
  /** The lower number first. */
  readonly rows: readonly [number, number];
  readonly similarity: number;
}

/** Vectors that pairs connect, directly or through others. */
export interface DuplicateGroup {
  /** In the order of the rows. */
  readonly ids: readonly string[];
  readonly rows: readonly number[];
  /** Those of its pairs that are listed, the most similar first. */
  readonly pairs: readonly DuplicatePair[];
}

export interface Duplicates {
  /** All pairs that are similar enough, listed or not. */
  readonly pairCount: number;
  /** How many of them are listed in the groups: the most similar ones. */
  readonly listedPairs: number;
  /** In the order of their first rows. */
  readonly groups: readonly DuplicateGroup[];
}

const DEFAULT_MOST = 100_000;

/**
 * Compares all rows of a searcher with all others.
 * @throws MocoError `ERR_MOCO_CONFIG` for a threshold that no pair has or all have; `ERR_MOCO_DATA`,
 * `ERR_MOCO_ABORTED`
 */
export async function findPairs(
  native: NativeSearcher,
  ids: readonly string[],
  metric: Metric,
  { threshold, maxPairs = DEFAULT_MOST, onProgress, signal }: DuplicateOptions,
): Promise<Duplicates> {
  requireThreshold(threshold, metric);
  const work = new StoppableWork('the search for duplicates', signal);
  const report = (rows: Float64Array) =>
    onProgress?.(progressOf(rows.at(-1) as number, ids.length));
  const search = native.pairs({ threshold, most: maxPairs }, report);
  return described(await work.run({ stop: search.cancel }, () => search.result), ids);
}

/** @param rows that have been compared with all others */
function progressOf(rows: number, size: number): DuplicateProgress {
  const pairsOf = (count: number) => (count * (count - 1)) / 2;
  return { compared: pairsOf(size) - pairsOf(size - rows), pairs: pairsOf(size) };
}

function requireThreshold(threshold: number, metric: Metric): void {
  const [least, most] = {
    cosine: [-1, 1],
    dot: [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
    euclidean: [Number.NEGATIVE_INFINITY, 0],
  }[metric] as [number, number];
  if (threshold >= least && threshold <= most) return;
  const range = metric === 'cosine' ? 'between −1 and 1' : 'at most 0: a negative distance';
  throw new MocoError('ERR_MOCO_CONFIG', `threshold: ${threshold} is no similarity by ${metric}`, {
    hint: `Choose one ${range}.`,
  });
}

function described(found: NativeSimilarRows, ids: readonly string[]): Duplicates {
  const { pairCount, first, second, similarities, groupRows, groupEnds } = found;
  const groups: { ids: string[]; rows: number[]; pairs: DuplicatePair[] }[] = [];
  const groupOf = new Map<number, (typeof groups)[number]>();
  let begin = 0;
  for (const end of groupEnds) {
    const rows = [...groupRows.subarray(begin, end)];
    const group = { ids: rows.map((row) => ids[row] as string), rows, pairs: [] };
    groups.push(group);
    for (const row of rows) groupOf.set(row, group);
    begin = end;
  }
  similarities.forEach((similarity, at) => {
    const rows = [first[at] as number, second[at] as number] as const;
    const named = [ids[rows[0]] as string, ids[rows[1]] as string] as const;
    groupOf.get(rows[0])?.pairs.push({ ids: named, rows, similarity });
  });
  return { pairCount, listedPairs: similarities.length, groups };
}
