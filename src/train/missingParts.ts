import { join } from 'node:path';
import { MocoError } from '../error.js';
import { readTensorFile } from '../formats/readTensorFile.js';
import { describeModel } from '../model/description.js';
import type { BestEpoch, RunFiles } from './events.js';
import { METRICS } from './runDirectory.js';
import type { LogLengths, ProgressState, RunState } from './runState.js';

/** Whether a state is that of the best epoch so far, and holds its model therefore. */
export function holdsBest({
  best,
  epoch,
  step,
}: Pick<ProgressState, 'best' | 'epoch' | 'step'>): boolean {
  return best?.epoch === epoch && step === 0;
}

/** The epoch of the model in a file; undefined where there is no file, or one that does not tell. */
export async function epochOfModel(path: string): Promise<number | undefined> {
  try {
    return describeModel(await readTensorFile(path)).epoch;
  } catch (error) {
    if (error instanceof MocoError) return undefined;
    throw error;
  }
}

/**
 * What a run lacks of the run before its checkpoint, one line each: a directory may have been moved
 * without the files beside it, or a checkpoint without its directory.
 * @param best the run's best epoch so far
 * @param bestEpoch the epoch of the model in the best model's file
 * @param lengths of the logs with which the run goes on
 */
export function missingParts(
  state: RunState,
  best: BestEpoch | undefined,
  files: RunFiles,
  bestEpoch: number | undefined,
  lengths: LogLengths,
): string[] {
  return [...missingBest(state, best, files, bestEpoch), ...missingLogs(state, files, lengths)];
}

/** A model of a later epoch than the checkpoint's is not told of: the run comes there again. */
function missingBest(
  { epoch, step }: RunState,
  best: BestEpoch | undefined,
  { model }: RunFiles,
  bestEpoch = 0,
): string[] {
  if (best === undefined || best.epoch === bestEpoch || bestEpoch > epoch) return [];
  if (holdsBest({ best, epoch, step })) return []; // it is written again
  const other = bestEpoch > 0 ? `, which is of epoch ${bestEpoch}` : '';
  const accuracy =
    best.by === 'knn' ? `kNN top-1 ${best.value.toFixed(2)} %` : `${best.by} ${best.value}`;
  return [
    `the best model so far, of epoch ${best.epoch} (${accuracy}), is not at ${model}${other}; put it there, or the run ends without it unless a later epoch is better`,
  ];
}

function missingLogs({ logs }: RunState, { directory }: RunFiles, lengths: LogLengths): string[] {
  const { metrics, tensorBoard } = logs;
  const lacking = [
    ...(lengths.metrics < metrics ? [METRICS] : []),
    ...(lengths.tensorBoard.bytes < tensorBoard.bytes ? [tensorBoard.file] : []),
  ];
  return lacking.map(
    (name) =>
      `${join(directory, name)} lacks what was before the checkpoint, and will not tell of it`,
  );
}
