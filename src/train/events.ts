import type { BestBy } from '../config/measures.js';
import type { TrainConfig } from '../config/trainConfig.js';
import type { ModelInput } from '../model/modelInput.js';
import type { LabelFreeMeasures, NativeTrainerDescription } from '../native/trainer.js';
import type { ModelEvent, WarningEvent } from '../run/events.js';
import type { BudgetPlan } from './budgetPlan.js';
import type { UsedRecipe } from './usedRecipe.js';

/** The files of one run. */
export interface RunFiles {
  /** The reference's results file: one line per epoch. */
  readonly results: string;
  /** The query encoder of the best epoch so far, as PyTorch's `.pth`. */
  readonly model: string;
  /** The folder of everything else. */
  readonly directory: string;
  /** The query encoder of the newest checkpoint (random before the first step), as PyTorch's `.pth`. */
  readonly lastModel: string;
}

/** What a trainer trains, on what, and where it writes. */
export interface TrainerDescription extends NativeTrainerDescription {
  readonly mocoVersion: string;
  readonly libtorchVersion: string;
  readonly dataset: {
    readonly name: string;
    readonly classes: number;
    readonly trainPictures: number;
    readonly testPictures: number;
    /**
     * Pictures held out from training. Where there are any, they are evaluated, and not the test
     * ones.
     */
    readonly validationPictures: number;
    /** Of what somebody's own pictures, labels and splits are; undefined of a named data set. */
    readonly fingerprint?: string | undefined;
    /** Whether training and evaluated pictures have labels, some at least: kNN measures on these. */
    readonly isLabelled: boolean;
  };
  /** What the encoder sees of a picture. */
  readonly input: ModelInput;
  /** What the best epoch is chosen by. */
  readonly bestBy: BestBy;
  /** The recipe that the run follows; undefined where there is none. */
  readonly recipe?: UsedRecipe | undefined;
  /** How the run's length was fitted into its budget; undefined where there is none, or it went on. */
  readonly budget?: BudgetPlan | undefined;
  readonly files: RunFiles;
}

/** The first event of a run. */
export interface StartEvent {
  readonly type: 'start';
  readonly config: TrainConfig;
  readonly description: TrainerDescription;
  /** What the run goes on from: a checkpoint, after `step` steps of epoch number `epoch`. */
  readonly resumed:
    | { readonly path: string; readonly epoch: number; readonly step: number }
    | undefined;
}

/** What the metrics of a step and of an epoch have in common. */
export interface Metrics {
  /** From 1. */
  readonly epoch: number;
  readonly epochs: number;
  /** InfoNCE, mean over the pictures. */
  readonly loss: number;
  /** Share (0…1) of the queries that are closest to their own key. */
  readonly contrastiveAccuracy: number;
  /** L2 norm of the gradient over all parameters. */
  readonly gradientNorm: number;
  readonly learningRate: number;
  readonly picturesPerSecond: number;
  /** Share (0…1) of the queue that holds keys of pictures; the rest is still random vectors. */
  readonly queueFill: number;
  /** Estimate for the rest of the run. */
  readonly secondsLeft: number;
}

/** One training step. */
export interface StepEvent extends Metrics {
  readonly type: 'step';
  /** Number of the step in the epoch, from 1. */
  readonly step: number;
  /** How many steps this epoch has: the last one of a run may have fewer than the others. */
  readonly stepsPerEpoch: number;
  /** Time that it took. A process's first step on a GPU chooses algorithms, too. */
  readonly seconds: number;
}

/**
 * One pass over the data is done. Loss, accuracy and gradient are means over its steps; learning
 * rate, queue and time left are those at its end.
 */
export interface EpochEvent extends Metrics {
  readonly type: 'epoch';
  /** Time that the epoch's training took. */
  readonly seconds: number;
  /** Whether the epoch's evaluation follows. */
  readonly isEvaluated: boolean;
}

/** How good the encoder is after an epoch. */
export interface EvaluationEvent {
  readonly type: 'evaluation';
  /** From 1; 0: the untrained encoder. */
  readonly epoch: number;
  readonly epochs: number;
  /** kNN accuracy, per cent; undefined where there are no labels. */
  readonly top1: number | undefined;
  readonly top5: number | undefined;
  /** What is told without labels; undefined where there is only one picture to measure on. */
  readonly measures: LabelFreeMeasures | undefined;
  /** Whether it is strictly better than every earlier one, by what the best is chosen by. */
  readonly isBest: boolean;
  /** Undefined as long as no trained epoch was evaluated. */
  readonly best: BestEpoch | undefined;
  readonly seconds: number;
  /** Estimate for the rest of the run. */
  readonly secondsLeft: number;
}

/** The best epoch so far. */
export interface BestEpoch {
  readonly epoch: number;
  /** What it is the best by. */
  readonly by: BestBy;
  /** How good it is by that; of kNN, top-1 in per cent. */
  readonly value: number;
  /** Its kNN accuracy, per cent; undefined where there are no labels. */
  readonly top1: number | undefined;
  readonly top5: number | undefined;
}

/** Everything that the run needs to go on was written. */
export interface CheckpointEvent {
  readonly type: 'checkpoint';
  /** How many epochs are done: trained, and evaluated where that is due. */
  readonly epoch: number;
  /** How many steps of the next epoch are done. */
  readonly step: number;
  readonly path: string;
}

/** The last event of a run that was neither stopped nor failed. */
export interface DoneEvent {
  readonly type: 'done';
  readonly epochs: number;
  readonly best: BestEpoch;
  /** kNN top-1 accuracy of the untrained encoder, per cent, where that was measured. */
  readonly untrainedTop1: number | undefined;
  /**
   * Whether `files.model` is there. A run that went on without the files of the run before, and had
   * no better epoch then, has none.
   */
  readonly hasBestModel: boolean;
  /** Time of the whole run. */
  readonly seconds: number;
  /** The most memory of the device that large tensors took at once since the process started, in bytes. */
  readonly peakMemoryBytes: number;
  /** The most memory of the device that was held for them at once, what was kept for the next ones included. */
  readonly heldMemoryBytes: number;
  readonly files: RunFiles;
}

/**
 * What happens in a run, in this order: start, warning*, evaluation? (of the untrained encoder),
 * (step+, epoch, evaluation?)+, done. Files
 * are written while the run goes on, and told of when they are whole: after an epoch, and before
 * the first, a best model (`model`) where there is one, then the last model (`model`) with its
 * `checkpoint`. The end of a run waits for its files. Where the run waits to see whether another one
 * still writes its files, a warning that says so comes before the start.
 */
export type TrainEvent =
  | StartEvent
  | StepEvent
  | EpochEvent
  | EvaluationEvent
  | ModelEvent
  | CheckpointEvent
  | WarningEvent
  | DoneEvent;
