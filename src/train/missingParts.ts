import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { RunFiles } from './events.js';
import { METRICS } from './runDirectory.js';
import type { LogLengths, RunState } from './runState.js';

/** Whether the checkpoint is of the best epoch so far, and holds its model therefore. */
export function holdsBest({ best, epoch, step }: RunState): boolean {
  return best?.epoch === epoch && step === 0;
}

/**
 * What a run lacks of the run before its checkpoint, one line each: a directory may have been moved
 * without the files beside it, or a checkpoint without its directory.
 * @param lengths of the logs with which the run goes on
 */
export function missingParts(state: RunState, files: RunFiles, lengths: LogLengths): string[] {
  return [...missingBest(state, files), ...missingLogs(state, files, lengths)];
}

function missingBest(state: RunState, { model }: RunFiles): string[] {
  const { best } = state;
  if (best === undefined || holdsBest(state) || existsSync(model)) return [];
  const accuracy = `kNN top-1 ${best.top1.toFixed(2)} %`;
  return [
    `the best model so far, of epoch ${best.epoch} (${accuracy}), is not at ${model}; put it there, or the run ends without it unless a later epoch is better`,
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
