import type { LinearConfig } from '../config/linearConfig.js';
import type { NativeLinearMetrics, NativeSweepResult } from '../native/evaluator.js';
import type { ModelEvent, WarningEvent } from '../run/events.js';
import type { EvaluatorDescription } from './createEvaluator.js';

/** How a linear classifier did on a split: mean cross-entropy, and accuracies in per cent. */
export type LinearMetrics = NativeLinearMetrics;

/** The files of a linear evaluation by the reference's protocol. */
export interface LinearFiles {
  /** The reference's table: one line per epoch. */
  readonly statistics: string;
  /** Backbone and classifier of the best epoch so far, as PyTorch's `.pth`. */
  readonly model: string;
  /** Backbone and classifier after the last epoch, as PyTorch's `.pth`. */
  readonly lastModel: string;
}

/** What a linear evaluation trains, on what, and where it writes. */
export interface LinearDescription extends EvaluatorDescription {
  readonly stepsPerEpoch: number;
  /** The file that gets one line per epoch, or with `cached` per learning rate. */
  readonly table: string;
}

/** The first event. */
export interface LinearStartEvent {
  readonly type: 'start';
  readonly config: LinearConfig;
  readonly description: LinearDescription;
}

interface Place {
  /** From 1. */
  readonly epoch: number;
  readonly epochs: number;
}

/** One training step. */
export interface LinearStepEvent extends Place {
  readonly type: 'step';
  /** Number of the step in the epoch, from 1. */
  readonly step: number;
  readonly stepsPerEpoch: number;
  /** Cross-entropy, mean over the pictures. */
  readonly loss: number;
  readonly picturesPerSecond: number;
  /** Estimate for the rest of the run. */
  readonly secondsLeft: number;
}

/** One pass over the training pictures, measured while it was trained. */
export interface LinearEpochEvent extends Place, LinearMetrics {
  readonly type: 'epoch';
  readonly picturesPerSecond: number;
  /** Estimate for the rest of the run. */
  readonly secondsLeft: number;
  /** Time that the epoch's training took. */
  readonly seconds: number;
}

/** An epoch's classifier on the pictures that it was not trained on. */
export interface LinearAccuracy {
  readonly epoch: number;
  readonly test: LinearMetrics;
  /** undefined where no pictures are held out. */
  readonly validation: LinearMetrics | undefined;
}

/** What an epoch's classifier is worth. */
export interface LinearEvaluationEvent extends Place, LinearAccuracy {
  readonly type: 'evaluation';
  /** Whether top-1 on the pictures to choose by is strictly better than after every earlier epoch. */
  readonly isBest: boolean;
  readonly best: LinearAccuracy;
  readonly seconds: number;
}

/** The last event of a linear evaluation that was neither stopped nor failed. */
export interface LinearDoneEvent {
  readonly type: 'done';
  readonly epochs: number;
  readonly best: LinearAccuracy;
  /** The pictures that the best epoch was chosen by. */
  readonly chosenBy: 'test' | 'validation';
  /** Time of the whole run. */
  readonly seconds: number;
  readonly files: LinearFiles;
}

/** A probe on cached features. */
export interface LinearProbe extends NativeSweepResult {
  readonly validation: LinearMetrics;
}

/** The last event with `cached`. */
export interface LinearSweepEvent {
  readonly type: 'sweep';
  /** In the order of the configuration. */
  readonly probes: readonly LinearProbe[];
  /** The one with the best top-1 on the validation pictures. */
  readonly chosen: LinearProbe;
  /** Time of the whole run. */
  readonly seconds: number;
  /** The file with one line per probe. */
  readonly table: string;
}

/**
 * What happens in a linear evaluation, in this order: start, warning*, (step+, epoch, checkpoint
 * (last), evaluation, warning*, checkpoint (best)?)+, done. With `cached`: start, warning*, sweep.
 */
export type LinearEvent =
  | LinearStartEvent
  | LinearStepEvent
  | LinearEpochEvent
  | LinearEvaluationEvent
  | LinearSweepEvent
  | ModelEvent
  | WarningEvent
  | LinearDoneEvent;
