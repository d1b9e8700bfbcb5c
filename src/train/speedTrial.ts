import type { StoppableWork } from '../native/stoppableWork.js';
import type { NativeTrainer } from '../native/trainer.js';
import type { MeasuredSpeed } from './budgetPlan.js';
import { decodeStepRows } from './stepRows.js';

/** The first steps choose algorithms and fill caches: they do not count. */
const WARM_UP = 2;

/** Fewer steps than this say too little about the others. */
const LEAST_STEPS = 4;

/** The share of a budget that the steps of its trial take, and within which limits, in seconds. */
const TRIAL_SHARE = 0.02;
const [SHORTEST, LONGEST] = [3, 60];

/** How long the steps of a trial take, in seconds; a few of them are made at least. */
export function trialSeconds(budget: number): number {
  return Math.min(LONGEST, Math.max(SHORTEST, TRIAL_SHARE * budget));
}

type Trained = Pick<NativeTrainer, 'description' | 'trainEpoch' | 'evaluate' | 'snapshot' | 'stop'>;

/**
 * Measures a run's speed by real steps, an evaluation and a copy of the state. The trainer has learned
 * something then: it is not the one to run.
 * @param seconds for how long steps are made
 * @param now the time, in milliseconds
 * @throws MocoError `ERR_MOCO_ABORTED`, and what training and evaluation end with
 */
export async function measureSpeed(
  native: Trained,
  work: StoppableWork,
  seconds: number,
  now: () => number = () => performance.now(),
): Promise<MeasuredSpeed> {
  const secondsPerStep = await measureSteps(native, work, seconds);
  const secondsOf = async (job: () => Promise<unknown>) => {
    const begin = now();
    await work.run(native, job);
    return (now() - begin) / 1000;
  };
  const secondsPerEvaluation = await secondsOf(() => native.evaluate());
  const secondsPerSave = await secondsOf(async () => (await native.snapshot()).dispose());
  return { secondsPerStep, secondsPerEvaluation, secondsPerSave };
}

/** Mean duration of a step after the first ones, in seconds. */
async function measureSteps(native: Trained, work: StoppableWork, least: number): Promise<number> {
  const durations: number[] = [];
  let total = 0;
  const isEnough = () => durations.length >= WARM_UP + LEAST_STEPS && total >= least;
  for (let epoch = 1; !isEnough(); epoch++) {
    await work.run(native, () =>
      native.trainEpoch(epoch, 1, (rows) => {
        for (const row of decodeStepRows(rows)) {
          durations.push(row.seconds);
          total += row.seconds;
        }
        if (isEnough()) native.stop();
      }),
    );
    work.throwIfStopped();
  }
  const counted = durations.slice(WARM_UP);
  return counted.reduce((sum, duration) => sum + duration, 0) / counted.length;
}
