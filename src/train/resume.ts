import { isDeepStrictEqual } from 'node:util';
import { unknownName } from '../arguments/names.js';
import { shown } from '../arguments/shown.js';
import { configKeys } from '../config/commandConfig.js';
import { dependsOnLength } from '../config/optimiserKeys.js';
import { type TrainConfig, trainCommand } from '../config/trainConfig.js';
import type { Dataset } from '../data/dataset.js';
import { MocoError } from '../error.js';
import type { Checkpoint } from './checkpoint.js';
import type { TrainerDescription } from './events.js';
import { isCut, totalSteps } from './runLength.js';

/**
 * Keys that may change when a run goes on, since they do not decide what it computes: `epochs` and
 * `steps` only where the learning rate does not depend on them.
 */
const MAY_CHANGE: readonly (keyof TrainConfig)[] = [
  // What they come to is compared: see `requireSamePictures`.
  ...(['data', 'labels', 'split', 'testFraction', 'splitSeed', 'storedSize', 'strict'] as const),
  'epochs',
  'steps',
  'budget',
  'evalUntrained',
  'dataRoot',
  'dataThreads',
  'cudaGraph',
  'out',
  'checkpointEvery',
  'checkpointMinutes',
];

const keys = configKeys(trainCommand) as (keyof TrainConfig)[];

/**
 * The part of a configuration that decides what a run computes, but for its pictures where these are
 * somebody's own.
 */
export function recipeOf(config: TrainConfig): Partial<TrainConfig> {
  const isNamed = config.data.length === 0;
  const entries = Object.entries(config).filter(
    ([key]) => !mayChange(key, config) && (isNamed || key !== 'dataset'),
  );
  return Object.fromEntries(entries);
}

/**
 * Makes sure that a run with `config` goes on where the checkpoint's run would have gone.
 * @param override keys that may differ nevertheless
 * @throws MocoError `ERR_MOCO_CONFIG` that lists the differing keys with both values, or where the
 * run would end before the checkpoint, or there without an evaluation
 */
export function requireSameRun(
  checkpoint: Checkpoint,
  config: TrainConfig,
  override: readonly string[] = [],
): void {
  const { path, config: before } = checkpoint;
  requireKnown(override);
  requireAhead(checkpoint, config);
  requireWholeEpochs(checkpoint, config);
  requireEvaluatedEnd(checkpoint, config);
  const differing = keys.filter(
    (key) =>
      !isDeepStrictEqual(before[key], config[key]) &&
      !mayChange(key, before) &&
      !(key === 'epochs' && config.steps !== undefined) && // they follow from the steps
      !override.includes(key),
  );
  if (differing.length === 0) return;
  const lines = differing.map(
    (key) => `  ${key}: ${shown(config[key])}, in the checkpoint ${shown(before[key])}`,
  );
  const message = `the configuration is not that of ${path}:\n${lines.join('\n')}`;
  throw new MocoError('ERR_MOCO_CONFIG', message, {
    hint: `Take the checkpoint's values, or let them differ with --override ${differing.join(',')}.`,
  });
}

/**
 * Makes sure that a run goes on with the pictures that it began with.
 * @param override may name `data`
 * @throws MocoError `ERR_MOCO_DATA`
 */
export function requireSamePictures(
  { path, state }: Checkpoint,
  { name, fingerprint }: Pick<Dataset, 'name' | 'fingerprint'>,
  override: readonly string[] = [],
): void {
  if (state.trainedOn?.fingerprint === fingerprint || override.includes('data')) return;
  const message = `${name} does not hold the pictures, labels and splits that the run of ${path} began with`;
  throw new MocoError('ERR_MOCO_DATA', message, {
    hint: 'Go on with those, or with these nevertheless: --override data.',
  });
}

/**
 * What is different where the run goes on, and may make its numbers differ in the last bits.
 * @throws MocoError `ERR_MOCO_CONFIG` where the checkpoint lies inside an epoch of other steps
 */
export function changedSurroundings(
  { path, state }: Checkpoint,
  description: TrainerDescription,
): string[] {
  if (state.step > 0 && state.stepsPerEpoch !== description.stepsPerEpoch) {
    const { epoch, step, stepsPerEpoch } = state;
    const place = `epoch ${epoch + 1}, step ${step} of ${stepsPerEpoch}`;
    const message = `${path} lies inside an epoch (${place}), which would now have ${description.stepsPerEpoch} steps`;
    throw new MocoError('ERR_MOCO_CONFIG', message, {
      hint: "Change what an epoch consists of only with a checkpoint from an epoch's end.",
    });
  }
  return (['mocoVersion', 'libtorchVersion', 'deviceName', 'precision'] as const)
    .filter((key) => state[key] !== description[key])
    .map((key) => {
      const change = `${key} ${description[key]} instead of ${state[key]}`;
      return `the run goes on with ${change}: it will not be bit for bit the uninterrupted one`;
    });
}

/** Refuses an end of the run that lies before the checkpoint. */
function requireAhead(checkpoint: Checkpoint, { epochs, steps }: TrainConfig): void {
  const { path, state } = checkpoint;
  const done = stepsDone(checkpoint);
  if (steps !== undefined && done > steps) {
    const message = `${path} lies after step ${done} of the run, which would end after step ${steps}`;
    throw new MocoError('ERR_MOCO_CONFIG', message, { hint: `Pass --steps ${done} or more.` });
  }
  const begun = state.epoch + (state.step > 0 ? 1 : 0);
  if (begun <= epochs) return;
  const message = `${path} is in epoch ${begun}, and the run would end after epoch ${epochs}`;
  throw new MocoError('ERR_MOCO_CONFIG', message, { hint: `Pass --epochs ${begun} or more.` });
}

/** How many steps of a run are done: fewer than its epochs have where the last of them was cut. */
function stepsDone({ state, config }: Checkpoint): number {
  const { epoch, step, stepsPerEpoch } = state;
  return Math.min(epoch * stepsPerEpoch + step, totalSteps(config, stepsPerEpoch));
}

/** Refuses to train on after a last epoch that was cut: the rest of it would be left out. */
function requireWholeEpochs(
  { path, state, config: before }: Checkpoint,
  config: TrainConfig,
): void {
  const { epoch, stepsPerEpoch } = state;
  const isOver = epoch === before.epochs && isCut(before, stepsPerEpoch);
  const steps = totalSteps(before, stepsPerEpoch);
  if (!isOver || totalSteps(config, stepsPerEpoch) === steps) return;
  const message = `the run of ${path} is over: it ended after ${steps} steps, inside epoch ${epoch}`;
  throw new MocoError('ERR_MOCO_CONFIG', message, {
    hint: 'Start another run from its last_model.pth with --init-weights.',
  });
}

/** Refuses to end at the checkpoint's epoch where that was not evaluated: a run's last epoch is. */
function requireEvaluatedEnd({ path, state }: Checkpoint, { epochs }: TrainConfig): void {
  const { epoch, results } = state;
  if (epoch < epochs || results.at(-1)?.epoch === epoch) return;
  const message = `epochs: ${epochs}, but ${path} lies after epoch ${epoch}, which was not evaluated`;
  throw new MocoError('ERR_MOCO_CONFIG', message, {
    hint: `Go on with --epochs ${epoch + 1} or more, or measure last_model.pth with moco knn.`,
  });
}

function mayChange(key: string, config: TrainConfig): boolean {
  if ((key === 'epochs' || key === 'steps') && dependsOnLength(config)) return false;
  return MAY_CHANGE.some((known) => known === key);
}

function requireKnown(override: readonly string[]): void {
  const unknown = override.find((key) => !keys.some((known) => known === key));
  if (unknown === undefined) return;
  const message = `--override ${unknown}: ${unknownName('key', unknown, keys)}`;
  throw new MocoError('ERR_MOCO_CONFIG', message);
}
