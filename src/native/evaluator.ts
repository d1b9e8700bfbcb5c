import type { NativeDescription, NativeGpuOptions } from './compute.js';
import type { NativePictures, NativeTensorSource } from './input.js';

/** What an evaluator is made from. */
export interface NativeEvaluatorOptions {
  /** The pictures that kNN finds neighbours among, and that a linear classifier trains on. */
  readonly train: NativePictures;
  readonly test: NativePictures;
  /** Pictures by which the best epoch or learning rate is chosen; they are not in `train`. */
  readonly validation: NativePictures | undefined;
  readonly classes: number;
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
  readonly arch: string;
  /** `cifar`: a 3×3 convolution. `imagenet`: a 7×7 convolution of stride 2, then max-pooling. */
  readonly stem: string;
  /** The backbone's parameters and BatchNorm statistics, under the reference's names (`f.…`). */
  readonly model: NativeTensorSource;
  readonly seed: number;
  /** `auto`, `cpu`, `cuda` or `cuda:<n>`. */
  readonly device: string;
  /** `auto`, `fp32` or `bf16`. */
  readonly precision: string;
  readonly dataThreads: number;
  readonly computeThreads: number;
  readonly gpu?: NativeGpuOptions;
}

/** kNN accuracy at one temperature. */
export interface NativeKnnResult {
  readonly temperature: number;
  /** Per cent. */
  readonly top1: number;
  /** Per cent. */
  readonly top5: number;
  /** classes × classes, row by row: how many test pictures of the row's class got the column's. */
  readonly confusion: Float64Array;
}

/** How a linear classifier on frozen features did; accuracies in per cent. */
export interface NativeLinearMetrics {
  /** Cross-entropy, mean over the pictures. */
  readonly loss: number;
  readonly top1: number;
  readonly top5: number;
}

/** How the reference's linear evaluation trains its classifier. */
export interface NativeLinearOptions {
  readonly batchSize: number;
  readonly learningRate: number;
  readonly weightDecay: number;
  /**
   * Whether BatchNorm normalises with the model's running statistics. Where not, as in the
   * reference, it normalises with the batch's own, and the running ones move.
   */
  readonly frozenBatchNorm: boolean;
}

/** Probes of several learning rates, trained side by side on features that are extracted once. */
export interface NativeSweepOptions {
  readonly learningRates: readonly number[];
  readonly batchSize: number;
  readonly epochs: number;
  readonly weightDecay: number;
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
  knn(options: {
    readonly neighbours: number;
    readonly temperatures: readonly number[];
  }): Promise<NativeKnnResult[]>;
  /** Draws a new linear classifier, and sets the backbone back to what was in the file. */
  startLinear(options: NativeLinearOptions): Promise<void>;
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
  saveLinear(path: string): Promise<void>;
  sweepLinear(options: NativeSweepOptions): Promise<NativeSweepResult[]>;
  /** Asks the running job to end soon: its promise rejects with `ERR_MOCO_ABORTED`. */
  stop(): void;
  /** Stops, joins the thread and frees all tensors. Can be called more than once. */
  dispose(): Promise<void>;
}
