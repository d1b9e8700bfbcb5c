import { z } from 'zod';
import * as check from '../arguments/check.js';
import { absolute } from '../arguments/paths.js';
import { requirePictures } from '../config/dataChecks.js';
import { withAbsolutePaths } from '../config/paths.js';
import { parseConfig } from '../config/resolve.js';
import {
  type TrainConfig,
  type TrainConfigInput,
  trainCommand,
  trainPictureChecks,
} from '../config/trainConfig.js';
import { MocoError } from '../error.js';
import { encoderElements } from '../model/encoderElements.js';
import type { NativeAddon } from '../native/addon.js';
import { loadAddon } from '../native/load.js';
import { requireDevice } from '../native/requireDevice.js';
import { StoppableWork } from '../native/stoppableWork.js';
import { findInput, type InputOptions, isPackedFirst } from '../pictures/input.js';
import { requireRunSpace, requireWritable } from '../run/outputFolder.js';
import { requireMeasured, settledBestBy } from './bestEpoch.js';
import {
  type Checkpoint,
  type FoundCheckpoint,
  findCheckpoint,
  hasCheckpoint,
  isOwnRun,
  restoreFrom,
} from './checkpoint.js';
import { movedDataRoot } from './dataRoot.js';
import { describeTrainer, splitsOf } from './describeTrainer.js';
import { initialWeights } from './initialWeights.js';
import { changedSurroundings, requireSamePictures, requireSameRun } from './resume.js';
import { runFiles } from './runFiles.js';
import { settledFor } from './settled.js';
import { Trainer } from './trainer.js';

export interface CreateTrainerOptions extends InputOptions {
  /**
   * Goes on with a run: from a checkpoint or from the newest good one of a run directory; `true`:
   * of the directory of the configuration.
   */
  readonly resume?: string | true | undefined;
  /**
   * With `resume: true`: starts the run where it has no checkpoint yet, as for jobs that a batch
   * system starts again.
   */
  readonly orStart?: boolean | undefined;
  /** Keys that may differ from the checkpoint's although they decide what the run computes. */
  readonly override?: readonly string[] | undefined;
}

/** What each option of `createTrainer` takes. */
export const CREATE_TRAINER_CHECKS = {
  onDownload: check.callback,
  onPack: check.callback,
  signal: check.signal,
  resume: z.union([check.path, z.literal(true)], 'a path or true').optional(),
  orStart: check.flag,
  override: z.array(z.string('a key'), 'a list of keys').optional(),
};

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
  const work = new StoppableWork('the training', options.signal);
  const asked = parseConfig(trainCommand, config);
  const askedHere = withAbsolutePaths(trainCommand, asked);
  const resume = typeof options.resume === 'string' ? absolute(options.resume) : options.resume;
  if (options.orStart && resume !== true) throw orStartAlone();
  const named = typeof resume === 'string' ? await findCheckpoint(resume) : undefined;
  const moved = await movedDataRoot(named?.checkpoint, asked, askedHere.dataRoot);
  const [given, here] = [
    { ...asked, ...moved },
    { ...askedHere, ...moved },
  ];
  if (isPackedFirst(here)) await requireReady(here); // packing may take long
  const input = await findInput(here, options);
  requirePictures(trainCommand, trainPictureChecks, given, input.size);
  const settled = settledFor(here, input);
  const located = { ...here, ...settled };
  const found = await checkpointFor(located, { ...options, resume });
  await requireReady(located);
  const addon = loadAddon();
  const floats = floatsOnDisk(located, addon, found?.checkpoint);
  await requireRunSpace(located.out, floats);
  const initial = found ? undefined : await initialWeights(located, addon, options.signal);
  // With `resume: true`, the checkpoint is only known by now.
  const movedToo = await movedDataRoot(found?.checkpoint, given, here.dataRoot);
  const dataset = await input.load(movedToo.dataRoot);
  await requireRunSpace(located.out, floats); // a download may have gone to the same disk
  const splits = splitsOf(located, dataset);
  const bestBy = settledBestBy(located, splits, splits.evaluated.count);
  const pictures = { ...dataset, train: splits.train, test: splits.evaluated };
  const make = async (checkpoint?: Checkpoint) => {
    // It may be the previous checkpoint, taken because the newest is damaged: nothing has checked it.
    if (checkpoint) {
      requireSameRun(checkpoint, located, options.override);
      requireSamePictures(checkpoint, dataset, options.override);
      requireMeasured(checkpoint.state, bestBy);
    }
    const beginning = { checkpoint: checkpoint?.source, weights: initial?.source };
    return await work.make(() => addon.createTrainer(located, pictures, beginning));
  };
  const anew = async () => ({ restored: await make(), checkpoint: undefined, notices: [] });
  const made = await (found ? restoreFrom(found, make) : anew());
  const { restored: native, checkpoint, notices } = made;
  try {
    const description = describeTrainer(located, dataset, splits, bestBy, addon, native);
    const changes = checkpoint ? changedSurroundings(checkpoint, description) : [];
    return new Trainer({
      ...{ config: { ...given, ...movedToo, ...settled } },
      ...{ description, native, checkpoint },
      notices: [...(initial?.notices ?? []), ...dataset.notices, ...notices, ...changes],
    });
  } catch (error) {
    await native.dispose();
    throw error;
  }
}

/** What can be told at once of where a run computes and writes. */
async function requireReady({ out, device }: Pick<TrainConfig, 'out' | 'device'>): Promise<void> {
  await requireWritable(out);
  requireDevice(device, loadAddon());
}

/**
 * How many numbers the files hold that the disk needs room for: the best and the last model and two
 * checkpoints (both encoders, two moments of the optimiser, the queue), and another model and
 * checkpoint while they are written. A run that goes on in its own directory has all but the latter.
 */
function floatsOnDisk(
  config: TrainConfig,
  addon: NativeAddon,
  checkpoint: Checkpoint | undefined,
): number {
  const { arch, stem, featureDim, m } = config;
  const encoder = encoderElements(addon, arch, featureDim, stem);
  const state = 4 * encoder + m * featureDim;
  const isInPlace = checkpoint && isOwnRun(checkpoint, runFiles(config).directory);
  return isInPlace ? encoder + state : 3 * encoder + 3 * state;
}

/** What the options say to go on from, if they do: of the same run, and with a good header. */
async function checkpointFor(
  config: TrainConfig,
  { resume, orStart = false, override }: CreateTrainerOptions,
): Promise<FoundCheckpoint | undefined> {
  if (resume === undefined) {
    requireNoOverride(override);
    return undefined;
  }
  const target = resume === true ? runFiles(config).directory : resume;
  if (orStart && !hasCheckpoint(target)) return undefined;
  const found = await findCheckpoint(target);
  requireSameRun(found.checkpoint, config, override);
  return found;
}

function orStartAlone(): MocoError {
  const message = '--or-start is for a run of which the configuration is known beforehand';
  return new MocoError('ERR_MOCO_CONFIG', message, {
    hint: 'Pass it with the configuration and with --resume without a path.',
  });
}

function requireNoOverride(override: readonly string[] = []): void {
  if (override.length === 0) return;
  throw new MocoError('ERR_MOCO_CONFIG', '--override is for runs that go on, and this one starts', {
    hint: 'Add --resume, or leave --override out.',
  });
}
