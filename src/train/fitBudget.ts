import { secondsOf } from '../config/duration.js';
import type { TrainConfig, TrainSettings } from '../config/trainConfig.js';
import { MocoError } from '../error.js';
import type { StoppableWork } from '../native/stoppableWork.js';
import type { NativeTrainer } from '../native/trainer.js';
import { type BudgetPlan, planBudget } from './budgetPlan.js';
import type { CreateTrainerOptions } from './createTrainerOptions.js';
import { measureSpeed, trialSeconds } from './speedTrial.js';

/** What a budget settles of a run. */
type Length = Pick<TrainConfig, 'steps' | 'epochs' | 'evalEvery'>;

/** What fitting a run into its budget works with. */
interface Fitting {
  readonly work: StoppableWork;
  /** When the run's time began, of `performance.now()`. */
  readonly begin: number;
  /** Makes a trainer of the run's configuration, which has nothing to do with the one that runs. */
  readonly makeTrial: () => Promise<NativeTrainer>;
  readonly onTrial: CreateTrainerOptions['onTrial'];
  /** Whether several processes train together. */
  readonly isShared: boolean;
}

const BUDGET_SHARED = 'budget: the speed of several processes that train together is not measured';
const BUDGET_HINT = 'Give epochs or steps.';

/**
 * Measures how fast a run is and finds its length, where it has a budget and no length yet.
 * @throws MocoError `ERR_MOCO_CONFIG` where the budget is too short; what a trainer ends with
 */
export async function fitBudget(
  settings: TrainSettings,
  { work, begin, makeTrial, onTrial, isShared }: Fitting,
): Promise<BudgetPlan | undefined> {
  if (settings.budget === undefined || settings.steps !== undefined) return undefined;
  if (isShared) throw new MocoError('ERR_MOCO_CONFIG', BUDGET_SHARED, { hint: BUDGET_HINT });
  const budget = secondsOf(settings.budget);
  const seconds = trialSeconds(budget);
  onTrial?.({ seconds });
  const native = await makeTrial();
  try {
    const speed = await measureSpeed(native, work, seconds);
    const { stepsPerEpoch } = native.description;
    await native.dispose();
    const spent = (performance.now() - begin) / 1000;
    return planBudget(budget, spent, speed, { ...settings, stepsPerEpoch });
  } finally {
    await native.dispose();
  }
}

/** Of a plan, or of a run that was fitted before. */
export function lengthOf({ steps, epochs, evalEvery }: Length): Length {
  return { steps, epochs, evalEvery };
}
