import { BEST_WITHOUT_LABELS, type BestBy, MEASURES } from '../config/measures.js';
import type { TrainConfig } from '../config/trainConfig.js';
import { MocoError } from '../error.js';
import type { BestEpoch, TrainerDescription } from './events.js';
import type { EvaluatedEpoch, RunState } from './runState.js';

/** The fewest pictures that are measured on without labels. */
const FEWEST_MEASURED = 2;

/**
 * What a run chooses its best epoch by.
 * @param evaluated how many pictures are evaluated
 * @throws MocoError `ERR_MOCO_CONFIG` where the data does not have what that takes
 */
export function settledBestBy(
  { bestBy }: Pick<TrainConfig, 'bestBy'>,
  { isLabelled }: Pick<TrainerDescription['dataset'], 'isLabelled'>,
  evaluated: number,
): BestBy {
  const automatic = isLabelled ? 'knn' : BEST_WITHOUT_LABELS;
  const settled = bestBy === 'auto' ? automatic : bestBy;
  if (settled === 'knn' && !isLabelled) {
    const message = 'bestBy: knn needs labels, of training pictures and of evaluated ones';
    throw new MocoError('ERR_MOCO_CONFIG', message, {
      hint: `Give labels for some of the pictures, or choose the best model by ${BEST_WITHOUT_LABELS} (--best-by auto).`,
    });
  }
  if (settled !== 'knn' && evaluated < FEWEST_MEASURED) {
    const message = `bestBy: ${settled} is measured on at least ${FEWEST_MEASURED} pictures, and ${evaluated} is evaluated`;
    throw new MocoError('ERR_MOCO_CONFIG', message, { hint: 'Evaluate more pictures.' });
  }
  return settled;
}

/**
 * Makes sure that the best epoch of a run that goes on can be told.
 * @throws MocoError `ERR_MOCO_CONFIG` where epochs before the checkpoint do not have what that takes
 */
export function requireMeasured({ results }: Pick<RunState, 'results'>, by: BestBy): void {
  const lacking = results.find((row) => valueIn(row, by) === undefined);
  if (lacking === undefined) return;
  const message = `bestBy: of epoch ${lacking.epoch}, before the checkpoint, ${by} was not measured`;
  throw new MocoError('ERR_MOCO_CONFIG', message, {
    hint: 'Leave bestBy as it was when the run began.',
  });
}

/** The best of some evaluated epochs: of equally good ones, the earliest. */
export function bestOf(results: readonly EvaluatedEpoch[], by: BestBy): BestEpoch | undefined {
  return results.reduce<BestEpoch | undefined>(
    (best, row) => (isBetter(row, best, by) ? asBest(row, by) : best),
    undefined,
  );
}

/** Whether an epoch is strictly better than the best one so far. */
export function isBetter(row: EvaluatedEpoch, best: BestEpoch | undefined, by: BestBy): boolean {
  const value = valueIn(row, by);
  if (value === undefined) return false;
  if (best === undefined) return true;
  return by !== 'knn' && MEASURES[by] === 'lower' ? value < best.value : value > best.value;
}

/** An epoch that has what the best is chosen by, as the best one. */
export function asBest(row: EvaluatedEpoch, by: BestBy): BestEpoch {
  const { epoch, top1, top5 } = row;
  return { epoch, by, value: valueIn(row, by) as number, top1, top5 };
}

function valueIn(row: EvaluatedEpoch, by: BestBy): number | undefined {
  return by === 'knn' ? row.top1 : row[by];
}
