import type { NativeDescription, NativeGpuOptions } from './compute.js';
import type { NativePictures, NativeTensorSource } from './input.js';
import type { NativeMemory } from './machine.js';

/** What a trainer is made from: both splits and every setting of the training. */
export interface NativeTrainerOptions {
  readonly train: NativePictures;
  readonly test: NativePictures;
  /** Number of classes that `labels` index. */
  readonly classes: number;
  /** Per-channel mean and standard deviation of the pictures, on the 0…1 scale. */
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
  readonly arch: string;
  readonly featureDim: number;
  /** `m`: number of negatives, the length of the queue. */
  readonly queueLength: number;
  readonly temperature: number;
  readonly momentum: number;
  /** `k`: neighbours that vote in the kNN evaluation. */
  readonly neighbours: number;
  readonly batchSize: number;
  /** Equal parts of a batch that BatchNorm normalises on their own; 1: the whole batch. */
  readonly batchNormGroups: number;
  readonly learningRate: number;
  readonly weightDecay: number;
  readonly seed: number;
  /** `auto`, `cpu`, `cuda` or `cuda:<n>`. */
  readonly device: string;
  /** `auto`, `fp32` or `bf16`. */
  readonly precision: string;
  /** Threads that make views ahead of the step; 0 lets the addon choose. */
  readonly dataThreads: number;
  /** Threads that PyTorch computes with; 0 lets the addon choose. */
  readonly computeThreads: number;
  /** What `saveCheckpoint` wrote, to go on from there. */
  readonly checkpoint: NativeTensorSource | undefined;
  readonly gpu?: NativeGpuOptions;
}

/** What decides how much memory a run takes, less its batch size. */
export interface NativeMemoryDemand
  extends Pick<
    NativeTrainerOptions,
    'arch' | 'featureDim' | 'queueLength' | 'neighbours' | 'device' | 'precision' | 'gpu'
  > {
  readonly trainPictures: number;
  readonly testPictures: number;
  readonly height: number;
  readonly width: number;
  readonly dataThreads: number;
}

/** Bytes that a run should take on its device at most, as far as that can be told beforehand. */
export interface NativeMemoryPlan {
  /** Both encoders with their copies, the gradient and the optimiser. */
  readonly model: number;
  readonly queue: number;
  /** The data set and the views. */
  readonly pictures: number;
  /** What a training step works in. */
  readonly step: number;
  /** What a kNN evaluation works in. */
  readonly evaluation: number;
  /** What a GPU's libraries may take for themselves. */
  readonly libraries: number;
  /** Of all that is there at once. */
  readonly peak: number;
  /** What there was when the trainer was made: of a GPU what was free, of a CPU all. */
  readonly available: number;
}

/** What the addon decided for a trainer. */
export interface NativeTrainerDescription extends NativeDescription {
  readonly stepsPerEpoch: number;
  readonly memory: NativeMemoryPlan;
}

/**
 * Columns of one step's row, in order: number of the step in the epoch (from 1), loss, contrastive
 * top-1 accuracy (0…1), L2 norm of the gradient, learning rate, seconds the step took, share of the
 * queue that holds real keys (0…1).
 */
export const STEP_COLUMNS = 7;

/** Model, queue and optimiser in the addon, with a training thread of their own; runs one job at a time. */
export interface NativeTrainer {
  readonly description: NativeTrainerDescription;
  /**
   * Trains epoch number `epoch` (from 1; it picks the shuffle and the views) from step `firstStep`
   * (from 1) on. `onSteps` gets all rows since its last call, `STEP_COLUMNS` numbers each; rows wait
   * while JavaScript is busy, and training never waits for it. All rows arrive before the promise
   * settles.
   * @returns the last step that was done: an earlier one than the epoch's last after `stop`
   */
  trainEpoch(
    epoch: number,
    firstStep: number,
    onSteps: (rows: Float64Array) => void,
  ): Promise<number>;
  /** Weighted kNN of the query encoder over the test split; per cent. */
  evaluate(): Promise<{ top1: number; top5: number }>;
  /**
   * Writes the query encoder's state dict as a PyTorch `.pth`, by rename.
   * @param description JSON about the model, for `moco inspect`
   */
  saveModel(path: string, description: string): Promise<void>;
  /**
   * Writes everything that a later trainer needs to go on from here, bit for bit, as safetensors, by
   * rename.
   * @param previous where the file that is at `path` goes
   * @param run JSON about the run, kept in the file as it is
   */
  saveCheckpoint(path: string, previous: string, run: string): Promise<void>;
  /** What the user should know and was not told yet, one line each. */
  takeWarnings(): Promise<string[]>;
  /** Of the process on the trainer's device, at any time. */
  memory(): NativeMemory;
  /**
   * Asks the running job to end soon: an epoch ends after its current step, an evaluation rejects
   * with `ERR_MOCO_ABORTED`.
   */
  stop(): void;
  /** Stops, joins the training thread and frees all tensors. Can be called more than once. */
  dispose(): Promise<void>;
}
