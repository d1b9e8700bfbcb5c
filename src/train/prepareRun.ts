import { absolute } from '../arguments/paths.js';
import { requirePictures } from '../config/dataChecks.js';
import { withAbsolutePaths } from '../config/paths.js';
import { parseConfig } from '../config/resolve.js';
import {
  type TrainConfig,
  type TrainConfigInput,
  type TrainSettings,
  trainCommand,
  trainPictureChecks,
} from '../config/trainConfig.js';
import { MocoError } from '../error.js';
import { loadAddon } from '../native/load.js';
import { requireDevice } from '../native/requireDevice.js';
import { type FoundInput, findInput, isPackedFirst } from '../pictures/input.js';
import { requireWritable } from '../run/outputFolder.js';
import { type FoundCheckpoint, findCheckpoint, hasCheckpoint } from './checkpoint.js';
import type { CreateTrainerOptions } from './createTrainerOptions.js';
import { movedDataRoot } from './dataRoot.js';
import { requireSameRun } from './resume.js';
import { runFiles } from './runFiles.js';
import { type Settled, settledFor } from './settled.js';

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
  return { given, here, input, settled, located, found };
}

/** What can be told at once of where a run computes and writes. */
async function requireReady({ out, device }: Pick<TrainConfig, 'out' | 'device'>): Promise<void> {
  await requireWritable(out);
  requireDevice(device, loadAddon());
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
