import type { KnnConfig } from '../config/knnConfig.js';
import type { LinearConfig } from '../config/linearConfig.js';
import type { NeighboursConfig } from '../config/neighboursConfig.js';
import type { TrainConfig } from '../config/trainConfig.js';
import type { NativeDescription } from './compute.js';

/** A command's configuration, with the settings of training that the command does not have. */
export type NativeEvaluatorConfig = (KnnConfig | LinearConfig | NeighboursConfig) &
  Pick<TrainConfig, 'dataThreads' | 'cudaGraph' | 'imageSize' | 'stem' | 'width'>;

/** kNN accuracy at one temperature. */
export interface NativeKnnResult {
  readonly temperature: number;
  /** Per cent. */
  readonly top1: number;
  /** Per cent. */
  readonly top5: number;
  /** For each class, how many test pictures it has, and how many of them got it. */
  readonly pictures: Float64Array;
  readonly right: Float64Array;
  /**
   * classes × classes, row by row: how many test pictures of the row's class got the column's.
   * Undefined for more than 256 classes.
   */
  readonly confusion: Float64Array | undefined;
}

/** The training pictures nearest to some test pictures, each queries × k numbers. */
export interface NativeNearest {
  readonly pictures: Float64Array;
  readonly similarities: Float64Array;
}

/** How a linear classifier on frozen features did; accuracies in per cent. */
export interface NativeLinearMetrics {
  /** Cross-entropy, mean over the pictures. */
  readonly loss: number;
  readonly top1: number;
  readonly top5: number;
}

/** One learning rate of a sweep. */
export interface NativeSweepResult {
  readonly learningRate: number;
  readonly train: NativeLinearMetrics;
  readonly validation: NativeLinearMetrics | undefined;
  readonly test: NativeLinearMetrics;
}

/**
 * Columns of one step of a linear evaluation: number of the step in the epoch (from 1), mean loss of
 * its batch, pictures in it, seconds it took.
 */
export const LINEAR_STEP_COLUMNS = 4;

/** A frozen backbone and a data set in the addon, on a thread of their own; runs one job at a time. */
export interface NativeEvaluator {
  readonly description: NativeDescription;
  /** Weighted kNN over the test split: features are extracted once for all temperatures. */
  knn(config: KnnConfig): Promise<NativeKnnResult[]>;
  /**
   * The `k` training pictures nearest to each of some test pictures, by cosine similarity of their
   * features: their numbers, and how similar they are, row by row, the nearest first.
   */
  nearest(asked: {
    readonly queries: readonly number[];
    readonly k: number;
  }): Promise<NativeNearest>;
  /** Draws a new linear classifier, and sets the backbone back to what was in the file. */
  startLinear(config: LinearConfig): Promise<void>;
  /** Trains the classifier for one epoch (numbered from 1); `onSteps` as for the trainer. */
  trainLinearEpoch(
    epoch: number,
    onSteps: (rows: Float64Array) => void,
  ): Promise<NativeLinearMetrics>;
  /**
   * Measures the classifier on a split, in evaluation mode and with the test view of each picture.
   */
  measureLinear(split: 'test' | 'validation'): Promise<NativeLinearMetrics>;
  /**
   * Writes the backbone (`f.…`) and the classifier (`fc.weight`, `fc.bias`) as the reference's
   * linear model. The file appears whole, by a rename.
   */
  saveLinear(path: string, description: string): Promise<void>;
  /** Trains probes of all `learningRates` side by side, on features that are extracted once. */
  sweepLinear(config: LinearConfig): Promise<NativeSweepResult[]>;
  /** Warnings for the user since the last call, one line each. */
  takeWarnings(): Promise<string[]>;
  /** Asks the running job to end soon: its promise rejects with `ERR_MOCO_ABORTED`. */
  stop(): void;
  /** Stops, joins the thread and frees all tensors. Can be called more than once. */
  dispose(): Promise<void>;
}
