import * as check from '../arguments/check.js';
import type { TrainConfig, TrainConfigInput } from '../config/trainConfig.js';
import type { Agreement } from '../distributed/processGroup.js';
import { encoderElements } from '../model/encoderElements.js';
import type { NativeAddon } from '../native/addon.js';
import { loadAddon } from '../native/load.js';
import { StoppableWork } from '../native/stoppableWork.js';
import type { InputDataset } from '../pictures/input.js';
import { requireRunSpace } from '../run/outputFolder.js';
import { version } from '../version.js';
import { requireMeasured, settledBestBy } from './bestEpoch.js';
import { type Checkpoint, isOwnRun, restoreFrom } from './checkpoint.js';
import { CREATE_TRAINER_CHECKS, type CreateTrainerOptions } from './createTrainerOptions.js';
import { movedDataRoot } from './dataRoot.js';
import { describeTrainer, splitsOf } from './describeTrainer.js';
import { fitBudget, lengthOf } from './fitBudget.js';
import { initialWeights } from './initialWeights.js';
import { prepareRun } from './prepareRun.js';
import { changedSurroundings, recipeOf, requireSamePictures, requireSameRun } from './resume.js';
import { runFiles } from './runFiles.js';
import { Trainer } from './trainer.js';
import { usedRecipe } from './usedRecipe.js';

const ARGUMENTS = { options: check.options<CreateTrainerOptions>(CREATE_TRAINER_CHECKS) };

/**
 * Checks everything that can be checked, loads the data set (and downloads it, if need be) and
 * makes the model, or restores it. Nothing is left in the output folder before `run`.
 * @param config what differs from the defaults
 * @throws MocoError `ERR_MOCO_CONFIG`, `_CHECKPOINT`, `_OUTPUT`, `_DATA`, `_NETWORK`, `_DEVICE`,
 * `_NATIVE_MISSING` …; `_ABORTED` after the signal
 */
export async function createTrainer(
  config: TrainConfigInput,
  options: CreateTrainerOptions = {},
): Promise<Trainer> {
  check.requireArguments('createTrainer', ARGUMENTS, { options });
  try {
    return await create(config, options);
  } catch (error) {
    await options.group?.leave(error);
    throw error;
  }
}

async function create(config: TrainConfigInput, options: CreateTrainerOptions): Promise<Trainer> {
  const begin = performance.now();
  const work = new StoppableWork('the training', options.signal);
  const prepared = await prepareRun(config, options);
  const { given, here, input, found } = prepared;
  const addon = loadAddon();
  const floats = floatsOnDisk(prepared.located, addon, found?.checkpoint);
  await requireRunSpace(here.out, floats);
  const initial = found ? undefined : await initialWeights(prepared.located, addon, options.signal);
  // With `resume: true`, the checkpoint is only known by now.
  const movedToo = await movedDataRoot(found?.checkpoint, given, here.dataRoot);
  const dataset = await input.load(movedToo.dataRoot);
  await requireRunSpace(here.out, floats); // a download may have gone to the same disk
  const splits = splitsOf(prepared.located, dataset);
  const bestBy = settledBestBy(here, splits, splits.evaluated.count);
  const pictures = { ...dataset, train: splits.train, test: splits.evaluated };
  const { group } = options;
  await group?.requireSame(agreementOf(prepared.located, dataset));
  const make = async (config: TrainConfig, checkpoint?: Checkpoint) => {
    // It may be the previous checkpoint, taken because the newest is damaged: nothing has checked it.
    if (checkpoint) {
      requireSameRun(checkpoint, config, options.override);
      requireSamePictures(checkpoint, dataset, options.override);
      requireMeasured(checkpoint.state, bestBy);
    }
    const beginning = { checkpoint: checkpoint?.source, weights: initial?.source };
    return await work.make(() => addon.createTrainer(config, pictures, beginning, group?.native));
  };
  // With views of full size: those that grow make the first steps faster than most.
  const makeTrial = () => make({ ...prepared.located, growFrom: 1 });
  const { onTrial } = options;
  const fitting = { work, begin, makeTrial, onTrial, isShared: group !== undefined };
  const budget = found ? undefined : await fitBudget(here, fitting);
  const length = budget && lengthOf(budget);
  const located = { ...prepared.located, ...length };
  const anew = async () => ({ restored: await make(located), checkpoint: undefined, notices: [] });
  const made = await (found
    ? restoreFrom(found, (checkpoint) => make(located, checkpoint))
    : anew());
  const { restored: native, checkpoint, notices } = made;
  try {
    const recipe = usedRecipe(located, prepared.recipeReason);
    const about = { ...(budget && { budget }), ...(recipe && { recipe }) };
    const description = describeTrainer(located, dataset, splits, bestBy, addon, native, about);
    const changes = checkpoint ? changedSurroundings(checkpoint, description) : [];
    return new Trainer({
      ...{ config: { ...given, ...movedToo, ...prepared.settled, ...length } },
      ...{ description, native, checkpoint, group },
      notices: [...(initial?.notices ?? []), ...dataset.notices, ...notices, ...changes],
    });
  } catch (error) {
    await native.dispose();
    throw error;
  }
}

/** What all processes of a run must have the same of. */
function agreementOf(config: TrainConfig, { train, test, fingerprint }: InputDataset): Agreement {
  return {
    ...{
      'version of moco': version,
      ...recipeOf(config),
      epochs: config.epochs,
      steps: config.steps,
    },
    ...{
      'training pictures': train.count,
      'test pictures': test.count,
      'their fingerprint': fingerprint,
    },
  };
}

/**
 * How many numbers the files hold that the disk needs room for: the best and the last model and two
 * checkpoints (both encoders, what the optimiser remembers, the queue), and another model and
 * checkpoint while they are written. A run that goes on in its own directory has all but the latter.
 */
function floatsOnDisk(
  config: TrainConfig,
  addon: NativeAddon,
  checkpoint: Checkpoint | undefined,
): number {
  const { featureDim, m, optimiser } = config;
  const encoder = encoderElements(addon, config);
  const remembered = optimiser === 'sgd' || optimiser === 'lars' ? 1 : 2; // of each number
  const state = (2 + remembered) * encoder + m * featureDim;
  const isInPlace = checkpoint && isOwnRun(checkpoint, runFiles(config).directory);
  return isInPlace ? encoder + state : 3 * encoder + 3 * state;
}
