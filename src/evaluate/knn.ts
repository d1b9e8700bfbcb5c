import * as check from '../arguments/check.js';
import { requirePictures } from '../config/dataChecks.js';
import {
  type KnnConfig,
  type KnnConfigInput,
  knnCommand,
  knnPictureChecks,
} from '../config/knnConfig.js';
import { withAbsolutePaths } from '../config/paths.js';
import { parseConfig } from '../config/resolve.js';
import type { NativeKnnResult } from '../native/evaluator.js';
import { StoppableWork } from '../native/stoppableWork.js';
import { findInput, type InputOptions } from '../pictures/input.js';
import type { WarningEvent } from '../run/events.js';
import { createEvaluator, type Evaluator, type EvaluatorDescription } from './createEvaluator.js';
import { measuredModel } from './measuredModel.js';
import { nativeWarnings } from './nativeWarnings.js';

/** The first event: everything is loaded, and the features are about to be computed. */
export interface KnnStartEvent {
  readonly type: 'start';
  readonly config: KnnConfig;
  readonly description: EvaluatorDescription;
}

export interface KnnOptions extends InputOptions {
  /** Called at the start, then with each warning; the evaluation waits for what it returns. */
  readonly onEvent?: ((event: KnnStartEvent | WarningEvent) => void | Promise<void>) | undefined;
}

const ARGUMENTS = {
  options: check.options<KnnOptions>({
    onEvent: check.callback,
    onDownload: check.callback,
    onPack: check.callback,
    signal: check.signal,
  }),
};

/** How the pictures of one class were classified. */
export interface ClassAccuracy {
  readonly class: string;
  /** Test pictures of the class. */
  readonly pictures: number;
  /** Per cent of them; absent where there are none. */
  readonly top1?: number;
}

/** kNN accuracy at one temperature. */
export interface KnnAccuracy {
  readonly temperature: number;
  /** Per cent. */
  readonly top1: number;
  /** Per cent. */
  readonly top5: number;
  readonly perClass: readonly ClassAccuracy[];
  /**
   * Number of test pictures of the row's class that were given the column's; undefined for more than
   * 256 classes.
   */
  readonly confusion: readonly (readonly number[])[] | undefined;
}

/** What weighted kNN says of a model: the first temperature's accuracy, then all of them. */
export interface KnnResult extends KnnAccuracy {
  readonly k: number;
  readonly results: readonly KnnAccuracy[];
  readonly description: EvaluatorDescription;
}

/**
 * Measures a model by weighted kNN (Wu et al. 2018, as in the reference): each test picture gets
 * the class that its `k` nearest training pictures vote for, with weight exp(similarity /
 * temperature).
 * @param config what differs from the defaults
 * @throws MocoError `ERR_MOCO_CONFIG`, `_CHECKPOINT`, `_DATA`, `_NETWORK`, `_DEVICE`,
 * `_NATIVE_MISSING`, `_OUT_OF_MEMORY`, `_NON_FINITE`; `_ABORTED` after the signal
 */
export async function knn(config: KnnConfigInput, options: KnnOptions = {}): Promise<KnnResult> {
  check.requireArguments('knn', ARGUMENTS, { options });
  const settings = parseConfig(knnCommand, config);
  const work = new StoppableWork('the evaluation', options.signal);
  const located = withAbsolutePaths(knnCommand, settings);
  const { model, config: measured } = await measuredModel(located);
  const input = await findInput(measured, options);
  requirePictures(knnCommand, knnPictureChecks, settings, input.size);
  await using evaluator = await createEvaluator(measured, model, input, work);
  return await measureKnn(evaluator, settings, options.onEvent, work);
}

/** `knn` on an evaluator that is there already. */
export async function measureKnn(
  { native, description, classes, notices }: Evaluator,
  config: KnnConfig,
  onEvent: KnnOptions['onEvent'],
  work: StoppableWork,
): Promise<KnnResult> {
  await onEvent?.({ type: 'start', config, description });
  for (const message of notices) await onEvent?.({ type: 'warning', message });
  const measured = await work.run(native, () => native.knn(config));
  for await (const warning of nativeWarnings(native)) await onEvent?.(warning);
  const results = measured.map((result) => accuracy(result, classes));
  return { ...(results[0] as KnnAccuracy), k: config.k, results, description };
}

function accuracy(result: NativeKnnResult, classes: readonly string[]): KnnAccuracy {
  const { temperature, top1, top5, confusion } = result;
  const perClass = classes.map((name, label) => {
    const pictures = result.pictures[label] as number;
    const right = result.right[label] as number;
    const counted = { class: name, pictures };
    return pictures === 0 ? counted : { ...counted, top1: (100 * right) / pictures };
  });
  const rows = confusion && classes.map((_, label) => rowOf(confusion, label, classes.length));
  return { temperature, top1, top5, perClass, confusion: rows };
}

function rowOf(confusion: Float64Array, label: number, classes: number): number[] {
  return [...confusion.subarray(label * classes, (label + 1) * classes)];
}
