import type { TrainConfig } from '../config/trainConfig.js';

/** What says how long a run is. */
type RunLength = Pick<TrainConfig, 'epochs' | 'steps'>;

/** How many steps a whole run has. */
export function totalSteps({ epochs, steps }: RunLength, stepsPerEpoch: number): number {
  return steps ?? epochs * stepsPerEpoch;
}

/** How many steps an epoch of a run has: the last one may be cut. @param epoch from 1 */
export function stepsOfEpoch(epoch: number, length: RunLength, stepsPerEpoch: number): number {
  if (epoch !== length.epochs) return stepsPerEpoch;
  return totalSteps(length, stepsPerEpoch) - (epoch - 1) * stepsPerEpoch;
}

/** How many epochs so many steps take, of which the last may be cut. */
export function epochsFor(steps: number, stepsPerEpoch: number): number {
  return Math.ceil(steps / stepsPerEpoch);
}

/** Whether the last epoch of a run has fewer steps than the others. */
export function isCut(length: RunLength, stepsPerEpoch: number): boolean {
  return stepsOfEpoch(length.epochs, length, stepsPerEpoch) < stepsPerEpoch;
}
