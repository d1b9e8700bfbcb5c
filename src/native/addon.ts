import type { StoredTensor } from '../formats/tensorFile.js';
import type { NativeBenchmark, NativeBenchmarkOptions } from './benchmark.js';

/** One split of a data set as the addon takes it: raw bytes, planar (N × 3 × height × width, R then G then B). */
export interface NativePictures {
  readonly pixels: Uint8Array;
  /** One class index per picture. */
  readonly labels: Uint8Array;
  readonly count: number;
  readonly height: number;
  readonly width: number;
}

/** Tensors to be read from one file. */
export interface NativeTensorSource {
  readonly path: string;
  readonly tensors: readonly StoredTensor[];
}

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

/** How a GPU computes; where absent, with TF32 and CUDA graphs. A CPU does not ask. */
export interface NativeGpuOptions {
  /** Products and convolutions in fp32 round their factors to TF32. */
  readonly tf32: boolean;
  /** Only in orders that do not change from run to run. */
  readonly deterministic: boolean;
  /** Records training steps and extraction, to give each to the GPU in one piece. */
  readonly cudaGraph: boolean;
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

/** What the addon decided: where and how it computes. */
export interface NativeDescription {
  /** `cpu` or `cuda:<n>`. */
  readonly device: string;
  readonly deviceName: string;
  readonly precision: 'fp32' | 'bf16';
  /** Why that precision, in words for the user. */
  readonly precisionReason: string;
  /** Where training views are made: `cpu`, or the device that computes. */
  readonly viewsDevice: string;
  /** Why there, in words for the user. */
  readonly viewsReason: string;
  readonly computeThreads: number;
  readonly dataThreads: number;
  /** Parameters of one encoder. */
  readonly parameters: number;
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

/** What an evaluator is made from. */
export interface NativeEvaluatorOptions {
  /** The kNN bank, and what a linear probe trains on. */
  readonly train: NativePictures;
  readonly test: NativePictures;
  /** Pictures to choose the best epoch or learning rate by; they are not in `train`. */
  readonly validation: NativePictures | undefined;
  readonly classes: number;
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
  readonly arch: string;
  /** `cifar`: 3×3 convolution. `imagenet`: 7×7 convolution of stride 2, then max-pooling. */
  readonly stem: string;
  /** The backbone: every parameter and statistic `f.…`, under the reference's names. */
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
  /** classes × classes, row by row: number of test pictures of the row's class given the column's. */
  readonly confusion: Float64Array;
}

/** How a linear classifier on frozen features did; accuracies in per cent. */
export interface NativeLinearMetrics {
  /** Cross-entropy, mean over the pictures. */
  readonly loss: number;
  readonly top1: number;
  readonly top5: number;
}

/** The reference's linear evaluation. */
export interface NativeLinearOptions {
  readonly batchSize: number;
  readonly learningRate: number;
  readonly weightDecay: number;
  /** false: BatchNorm takes the batch's statistics and its running ones move, as in the reference. */
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
  /** Puts a newly drawn linear classifier on the backbone; the backbone is as in the file again. */
  startLinear(options: NativeLinearOptions): Promise<void>;
  /** Trains the classifier for one epoch (numbered from 1); `onSteps` as for the trainer. */
  trainLinearEpoch(
    epoch: number,
    onSteps: (rows: Float64Array) => void,
  ): Promise<NativeLinearMetrics>;
  /** Measures the classifier on a split, in evaluation mode, test view. */
  measureLinear(split: 'test' | 'validation'): Promise<NativeLinearMetrics>;
  /**
   * Writes backbone (`f.…`) and classifier (`fc.weight`, `fc.bias`) as the reference's linear model,
   * by rename.
   */
  saveLinear(path: string): Promise<void>;
  sweepLinear(options: NativeSweepOptions): Promise<NativeSweepResult[]>;
  /** Asks the running job to end soon: its promise rejects with `ERR_MOCO_ABORTED`. */
  stop(): void;
  /** Stops, joins the thread and frees all tensors. Can be called more than once. */
  dispose(): Promise<void>;
}

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

/** What this machine offers. */
export interface NativeHardware {
  readonly cpuName: string;
  readonly cpuBf16: boolean;
  /** Absent where CUDA cannot be used. */
  readonly cuda: NativeCuda | undefined;
  /** Why CUDA cannot be used; empty where it can. */
  readonly cudaUnavailable: string;
}

export interface NativeCuda {
  readonly devices: readonly {
    readonly name: string;
    /** E.g. `9.0`. */
    readonly computeCapability: string;
    readonly memoryBytes: number;
  }[];
  /** The newest CUDA that the driver supports. */
  readonly driverCuda: string;
  /** What LibTorch was built with. */
  readonly cuda: string;
  readonly cudnn: string;
}

/** Large blocks of memory that PyTorch has on a device, in bytes. */
export interface NativeMemory {
  readonly inUse: number;
  /** Idle, and kept for the next tensors. */
  readonly cached: number;
  /** The most that was in use at once since the process started. */
  readonly peak: number;
}

/**
 * The compiled addon. Every rejection is an `Error` with `code` and, mostly, `hint`; options of the wrong
 * type throw a `TypeError` at once. The pictures' arrays must stay as they are until the promise settles.
 */
export interface NativeAddon {
  /** The LibTorch version that the addon was compiled against, e.g. `2.13.0`. */
  readonly libtorchVersion: string;
  createTrainer(options: NativeTrainerOptions): Promise<NativeTrainer>;
  createEvaluator(options: NativeEvaluatorOptions): Promise<NativeEvaluator>;
  createBenchmark(options: NativeBenchmarkOptions): Promise<NativeBenchmark>;
  /** The largest power of two that fits in the memory of the device. */
  chooseBatchSize(demand: NativeMemoryDemand): number;
  /** Name and shape of every parameter and buffer of an encoder, in PyTorch's order. */
  encoderLayout(
    arch: string,
    featureDim: number,
    stem: string,
  ): { name: string; shape: number[] }[];
  /**
   * Copies tensors, checksums checked, into a new file that appears by rename: `pth` as `torch.save`
   * writes an OrderedDict, or `safetensors` with a CRC-32 per tensor.
   */
  convertTensors(
    source: NativeTensorSource,
    target: {
      readonly path: string;
      readonly format: 'pth' | 'safetensors';
      /** JSON about the model, for `moco inspect`; empty: none. */
      readonly description: string;
    },
  ): Promise<void>;
  hardware(): NativeHardware;
  /** Why CUDA kernels of our own are not used; empty where they are. Makes the GPU's CUDA context. */
  cudaKernelsUnavailable(): string;
  /** Of the CPU. */
  memory(): NativeMemory;
  /** Stops and joins every training thread of this environment, at once; for the exit listener. */
  shutdown(): void;
}
