import type { TrainSettings } from '../config/trainConfig.js';
import { MocoError } from '../error.js';
import { epochsFor } from './runLength.js';

/** The share of a budget that evaluations may take where nothing says how often they are made. */
const EVALUATION_SHARE = 0.05;

/** How fast a run is on this machine. */
export interface MeasuredSpeed {
  readonly secondsPerStep: number;
  readonly secondsPerEvaluation: number;
  /** For which the run waits when a checkpoint is written. */
  readonly secondsPerSave: number;
}

/** The length of a run that was fitted into a budget, and how it was found. */
export interface BudgetPlan extends MeasuredSpeed {
  /** The whole budget. */
  readonly seconds: number;
  /** What of it was gone before the run's first step, the trial included. */
  readonly spentSeconds: number;
  readonly steps: number;
  readonly epochs: number;
  readonly evalEvery: number;
  /** How long the whole will take, by what was measured. */
  readonly expectedSeconds: number;
}

/** What a run is, whose length is to be found. */
type Run = Pick<TrainSettings, 'evalEvery' | 'evalUntrained' | 'checkpointEvery'> & {
  readonly stepsPerEpoch: number;
};

/**
 * The longest run that ends in time, with its evaluations and checkpoints.
 * @throws MocoError `ERR_MOCO_CONFIG` where not even one step does
 */
export function planBudget(
  seconds: number,
  spentSeconds: number,
  speed: MeasuredSpeed,
  run: Run,
): BudgetPlan {
  const left = seconds - spentSeconds;
  const evalEvery =
    run.evalEvery === 'auto' ? evaluationInterval(seconds, left, speed, run) : run.evalEvery;
  const settled = { ...run, evalEvery };
  const steps = longest(left, speed, settled);
  if (steps < 1) throw tooShort(spentSeconds + secondsOfRun(1, speed, settled), speed);
  return {
    ...speed,
    ...{ seconds, spentSeconds, steps, epochs: epochsFor(steps, run.stepsPerEpoch), evalEvery },
    expectedSeconds: spentSeconds + secondsOfRun(steps, speed, settled),
  };
}

/** Epochs between two evaluations, so that all of them take their share at most. */
function evaluationInterval(seconds: number, left: number, speed: MeasuredSpeed, run: Run): number {
  const share = (EVALUATION_SHARE * seconds) / speed.secondsPerEvaluation;
  const evaluations = Math.max(1, Math.floor(share));
  const epochs = epochsFor(longest(left, speed, { ...run, evalEvery: 1 }), run.stepsPerEpoch);
  if (epochs <= evaluations) return 1;
  const most = epochsFor(left / speed.secondsPerStep, run.stepsPerEpoch);
  return Math.ceil(most / evaluations);
}

type SettledRun = Run & { readonly evalEvery: number };

/** The most steps that fit; 0 where none does. Longer runs take longer, so that bisection finds it. */
function longest(left: number, speed: MeasuredSpeed, run: SettledRun): number {
  let fits = 0;
  let exceeds = Math.max(1, Math.floor(left / speed.secondsPerStep) + 1);
  while (exceeds - fits > 1) {
    const middle = Math.floor((fits + exceeds) / 2);
    if (secondsOfRun(middle, speed, run) <= left) fits = middle;
    else exceeds = middle;
  }
  return fits;
}

/** How long so many steps take, with all that comes between them. */
function secondsOfRun(
  steps: number,
  { secondsPerStep, secondsPerEvaluation, secondsPerSave }: MeasuredSpeed,
  { evalEvery, evalUntrained, checkpointEvery, stepsPerEpoch }: SettledRun,
): number {
  const epochs = epochsFor(steps, stepsPerEpoch);
  const evaluations = Math.ceil(epochs / evalEvery) + (evalUntrained ? 1 : 0);
  const saves = 1 + Math.ceil(epochs / checkpointEvery); // the first one before the first step
  return steps * secondsPerStep + evaluations * secondsPerEvaluation + saves * secondsPerSave;
}

function tooShort(needed: number, { secondsPerStep, secondsPerEvaluation }: MeasuredSpeed) {
  const message = `budget: no run of even one step ends in time: a step takes ${secondsPerStep.toFixed(1)} s, and an evaluation ${secondsPerEvaluation.toFixed(1)} s`;
  return new MocoError('ERR_MOCO_CONFIG', message, {
    hint: `Give it ${Math.ceil(needed)}s at least, and rather several times as much.`,
  });
}
