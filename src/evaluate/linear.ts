import * as check from '../arguments/check.js';
import { requirePictures, trainingPictures } from '../config/dataChecks.js';
import {
  type LinearConfig,
  type LinearConfigInput,
  linearCommand,
  linearPictureChecks,
} from '../config/linearConfig.js';
import { withAbsolutePaths } from '../config/paths.js';
import { parseConfig } from '../config/resolve.js';
import type { DatasetSize } from '../data/dataset.js';
import { encoderElements } from '../model/encoderElements.js';
import { encoderShape } from '../model/encoderShape.js';
import { loadAddon } from '../native/load.js';
import { StoppableWork } from '../native/stoppableWork.js';
import { findInput, type InputOptions } from '../pictures/input.js';
import { requireRunSpace, requireWritable } from '../run/outputFolder.js';
import { createEvaluator } from './createEvaluator.js';
import { linearEvaluation } from './linearEvaluation.js';
import type { LinearDoneEvent, LinearEvent, LinearSweepEvent } from './linearEvents.js';
import { type Measured, measuredModel } from './measuredModel.js';

export interface LinearOptions extends InputOptions {
  /** Called with every event, in order; the evaluation waits for what it returns. */
  readonly onEvent?: ((event: LinearEvent) => void | Promise<void>) | undefined;
}

const ARGUMENTS = {
  options: check.options<LinearOptions>({
    onEvent: check.callback,
    onDownload: check.callback,
    onPack: check.callback,
    signal: check.signal,
  }),
};

/**
 * Trains a linear classifier on a model's frozen features and measures it after every epoch, as the
 * reference does; with `cached`, on features that are computed once.
 * @param config what differs from the defaults
 * @returns the last event: what was chosen, how good it is, and the files
 * @throws MocoError `ERR_MOCO_CONFIG`, `_CHECKPOINT`, `_OUTPUT`, `_DATA`, `_NETWORK`, `_DEVICE`,
 * `_NATIVE_MISSING`, `_OUT_OF_MEMORY`, `_NON_FINITE`; `_ABORTED` after the signal
 */
export async function linear(
  config: LinearConfigInput,
  options: LinearOptions = {},
): Promise<LinearDoneEvent | LinearSweepEvent> {
  check.requireArguments('linear', ARGUMENTS, { options });
  const given = parseConfig(linearCommand, config);
  const work = new StoppableWork('the evaluation', options.signal);
  const located = withAbsolutePaths(linearCommand, given);
  const { out } = located;
  await requireWritable(out);
  const { model, config: measured } = await measuredModel(located);
  await requireRunSpace(out, floatsOnDisk(measured));
  const input = await findInput(measured, options);
  requirePictures(linearCommand, linearPictureChecks, given, input.size);
  const settings = withValidation(given, input.size);
  const held = withValidation(measured, input.size);
  await using evaluator = await createEvaluator(held, model, input, work);
  let last: LinearEvent | undefined;
  for await (const event of linearEvaluation(evaluator, settings, out, work)) {
    await options.onEvent?.(event);
    last = event;
  }
  return last as LinearDoneEvent | LinearSweepEvent; // an evaluation that ends otherwise throws
}

/** The disk needs room for the best and the last model, and for one that is being written. */
function floatsOnDisk(config: Measured<LinearConfig>): number {
  return config.cached ? 0 : 3 * encoderElements(loadAddon(), encoderShape(config));
}

/** With `cached` a tenth is held out unless a number is asked for, to choose a learning rate by. */
function withValidation<Config extends LinearConfig>(config: Config, size: DatasetSize): Config {
  if (!config.cached || config.validation > 0) return config;
  return { ...config, validation: Math.ceil(trainingPictures(config, size) / 10) };
}
