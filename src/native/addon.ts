/** One split of a data set as the addon takes it: raw bytes, planar (N × 3 × height × width, R then G then B). */
export interface NativePictures {
  readonly pixels: Uint8Array;
  /** One class index per picture. */
  readonly labels: Uint8Array;
  readonly count: number;
  readonly height: number;
  readonly width: number;
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
}

/** What the addon decided for a trainer. */
export interface NativeTrainerDescription {
  /** `cpu` or `cuda:<n>`. */
  readonly device: string;
  readonly deviceName: string;
  readonly precision: 'fp32' | 'bf16';
  /** Why that precision, in words for the user. */
  readonly precisionReason: string;
  readonly computeThreads: number;
  readonly dataThreads: number;
  /** Parameters of one encoder. */
  readonly parameters: number;
  readonly stepsPerEpoch: number;
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
   * Trains one epoch (numbered from 1; the number picks its shuffle and views). `onSteps` gets all
   * rows since its last call, `STEP_COLUMNS` numbers each; rows wait while JavaScript is busy, and
   * training never waits for it. All rows arrive before the promise settles.
   */
  trainEpoch(epoch: number, onSteps: (rows: Float64Array) => void): Promise<void>;
  /** Weighted kNN of the query encoder over the test split; per cent. */
  evaluate(): Promise<{ top1: number; top5: number }>;
  /** Writes the query encoder's state dict as a PyTorch `.pth`, by rename. */
  saveModel(path: string): Promise<void>;
  /** Asks the running job to end after its current step: its promise rejects with `ERR_MOCO_ABORTED`. */
  stop(): void;
  /** Stops, joins the training thread and frees all tensors. Can be called more than once. */
  dispose(): Promise<void>;
}

/**
 * The compiled addon. Every rejection is an `Error` with `code` and, mostly, `hint`; options of the wrong
 * type throw a `TypeError` at once. The pictures' arrays must stay as they are until the promise settles.
 */
export interface NativeAddon {
  /** The LibTorch version that the addon was compiled against, e.g. `2.13.0`. */
  readonly libtorchVersion: string;
  createTrainer(options: NativeTrainerOptions): Promise<NativeTrainer>;
  /** What this machine offers. */
  hardware(): {
    cpuBf16: boolean;
    cpuName: string;
    cudaDevices: string[];
    /** Why CUDA cannot be used; empty where it can. */
    cudaUnavailable: string;
  };
  /** Stops and joins every training thread of this environment, at once; for the exit listener. */
  shutdown(): void;
}
