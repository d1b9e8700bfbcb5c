import { absolute } from '../arguments/paths.js';
import { requirePictures } from '../config/dataChecks.js';
import { secondsOf } from '../config/duration.js';
import { absolutePaths } from '../config/paths.js';
import { parseConfig } from '../config/resolve.js';
import {
  type TrainConfig,
  type TrainConfigInput,
  type TrainSettings,
  trainCommand,
  trainPictureChecks,
} from '../config/trainConfig.js';
import { viewSizeCheck } from '../config/viewKeys.js';
import { MocoError } from '../error.js';
import { loadAddon } from '../native/load.js';
import { requireDevice } from '../native/requireDevice.js';
import { type FoundInput, findInput, isPackedFirst } from '../pictures/input.js';
import { requireWritable } from '../run/outputFolder.js';
import {
  type Checkpoint,
  type FoundCheckpoint,
  findCheckpoint,
  hasCheckpoint,
} from './checkpoint.js';
import { type ChosenRecipe, chooseRecipe } from './chooseRecipe.js';
import type { CreateTrainerOptions } from './createTrainerOptions.js';
import { movedDataRoot } from './dataRoot.js';
import { lengthOf } from './fitBudget.js';
import { requireSameRun } from './resume.js';
import { runFiles } from './runFiles.js';
import { type Settled, settledFor, trainedPictures } from './settled.js';

/** A run whose settings were checked, and of which nothing is loaded yet. */
export interface PreparedRun {
  /** As it was asked for, with the place of a data set that was found elsewhere. */
  readonly given: TrainSettings;
  /** The same with absolute paths. */
  readonly here: TrainSettings;
  readonly input: FoundInput;
  /** What `auto` stands for. */
  readonly settled: Settled;
  /** `here` with that. */
  readonly located: TrainConfig;
  /** What to go on from, if anything. */
  readonly found: FoundCheckpoint | undefined;
  /** Why the recipe was chosen, where the settings left that open. */
  readonly recipeReason: string | undefined;
}

/**
 * Checks everything that can be told before anything is loaded, and finds the pictures: somebody's own
 * are packed, unless they are.
 * @throws MocoError as `createTrainer`
 */
export async function prepareRun(
  config: TrainConfigInput,
  options: CreateTrainerOptions,
): Promise<PreparedRun> {
  const asked = parseConfig(trainCommand, config);
  const paths = absolutePaths(trainCommand, asked); // before anything is waited for
  const askedHere = { ...asked, ...paths };
  const resume = typeof options.resume === 'string' ? absolute(options.resume) : options.resume;
  if (options.orStart && resume !== true) throw orStartAlone();
  const named = typeof resume === 'string' ? await findCheckpoint(resume) : undefined;
  const moved = await movedDataRoot(named?.checkpoint, asked, askedHere.dataRoot);
  const place = { ...askedHere, ...moved };
  if (isPackedFirst(place)) await requireReady(place); // packing may take long
  const input = await findInput(place, options);
  const chosen = asked.recipe === 'auto' ? recipeFor(place, input) : undefined;
  const complete = chosen ? parseConfig(trainCommand, { ...config, recipe: chosen.name }) : asked;
  const given = { ...complete, ...moved };
  const here = { ...complete, ...paths, ...moved };
  requirePictures(trainCommand, trainPictureChecks, given, input.size);
  const asNew = settledFor(here, input, loadAddon, options.group?.count);
  const found = await checkpointFor({ ...here, ...asNew }, { ...options, resume });
  const settled = { ...asNew, ...(found && lengthBefore(found.checkpoint, here)) };
  const located = { ...here, ...settled };
  requirePictures<TrainConfig>(trainCommand, [viewSizeCheck], located, input.size);
  if (found) requireSameRun(found.checkpoint, located, options.override);
  await requireReady(located);
  return { given, here, input, settled, located, found, recipeReason: chosen?.reason };
}

/** The recipe that suits the device, the pictures and the budget. */
function recipeFor(settings: TrainSettings, input: FoundInput): ChosenRecipe {
  const { device, budget } = settings;
  const isThere = device === 'auto' && loadAddon().hardware().cudaUnavailable === '';
  return chooseRecipe({
    hasGpu: isThere || device.startsWith('cuda'),
    pictures: trainedPictures(settings, input),
    budgetSeconds: budget === undefined ? undefined : secondsOf(budget),
  });
}

/**
 * The length of a run that goes on, where that was fitted into its budget when it began.
 * @throws MocoError `ERR_MOCO_CONFIG` where it goes on with another budget
 */
function lengthBefore(
  { path, config }: Checkpoint,
  { budget, steps }: TrainSettings,
): Partial<Settled> {
  if (budget === undefined || steps !== undefined) return {};
  if (config.budget === budget) return lengthOf(config);
  const message = `budget: the run of ${path} goes on, and its length was settled when it began`;
  throw new MocoError('ERR_MOCO_CONFIG', message, {
    hint: 'Leave the budget out, and say with --steps or --epochs where the run is to end.',
  });
}

/** What can be told at once of where a run computes and writes. */
async function requireReady({ out, device }: Pick<TrainConfig, 'out' | 'device'>): Promise<void> {
  await requireWritable(out);
  requireDevice(device, loadAddon());
}

/** What the options say to go on from, if they do: with a good header. */
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
  return await findCheckpoint(target);
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
