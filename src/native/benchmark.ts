import type { BenchConfig } from '../config/benchConfig.js';
import type { TrainConfig } from '../config/trainConfig.js';
import type { NativeDescription } from './compute.js';
import type { NativeMemory } from './machine.js';

/** A configuration for one of the number formats that are measured. */
export type NativeBenchmarkConfig = Omit<BenchConfig, 'precision' | 'stem'> &
  Pick<TrainConfig, 'precision' | 'stem'> & {
    /** Side of the pictures that views are made of. */
    readonly storedSize: number;
  };

/** What the addon decided for a benchmark, and how much work there is. */
export interface NativeBenchmarkDescription extends NativeDescription {
  /** How many multiply-adds the convolutions and linear layers do in one picture's forward pass. */
  readonly multiplyAdds: { readonly backbone: number; readonly head: number };
  /** Length of the backbone's features. */
  readonly featureLength: number;
}

/** Parts of a training step, in order. */
export const STEP_PHASES = ['wait', 'input', 'forward', 'backward', 'update'] as const;

export type StepPhase = (typeof STEP_PHASES)[number];

/** The time that one operator took in one phase. */
export interface NativeOperatorTime {
  /** Empty outside of all phases. */
  readonly phase: StepPhase | '';
  /** PyTorch's name, as `aten::mm`; a phase's own name for the time outside of operators. */
  readonly name: string;
  readonly calls: number;
  /** Without the operators that this one calls, so that all of them add up to the whole. */
  readonly seconds: number;
}

/** Training steps and where their time went. */
export interface NativeSteps {
  /** That the step before them took. A model's first step chooses algorithms, too. */
  readonly warmUpSeconds: number;
  readonly steps: number;
  /** That all the steps took together. */
  readonly seconds: number;
  readonly times: readonly NativeOperatorTime[];
}

/** How long it takes to extract features: the backbone in evaluation mode. */
export interface NativeExtraction {
  /** Until the first pictures are done, with all that has to be chosen for them. */
  readonly firstSeconds: number;
  /** Without that. */
  readonly secondsPerPicture: number;
}

/** How long a backbone with BatchNorm folded into its convolutions takes. */
export interface NativeFolded {
  /** That are computed at once. */
  readonly pictures: number;
  /** With the fused kernels of oneDNN or cuDNN. */
  readonly fusedSeconds: number;
  /** With one operator after the other. */
  readonly plainSeconds: number;
  /** Layers that cuDNN cannot compute in one call, and why. */
  readonly fallbacks: readonly { readonly layer: string; readonly reason: string }[];
}

/**
 * Times what training and evaluation consist of, on random pictures and a thread of its own; runs
 * one job at a time. `least` is how many seconds a measurement goes on for, at least.
 */
export interface NativeBenchmark {
  readonly description: NativeBenchmarkDescription;
  /**
   * Times training steps, making the views included, after one for warm-up: by phase or by
   * operator.
   */
  steps(least: number, detail: 'phases' | 'operators'): Promise<NativeSteps>;
  extraction(least: number): Promise<NativeExtraction>;
  /** Compares the fused kernels of an evaluation with the plain ones. */
  folded(least: number): Promise<NativeFolded>;
  /** Floating-point operations per second in a product of square matrices: the best of several. */
  matrixProduct(least: number): Promise<number>;
  /** Seconds per training view on one core. */
  augmentation(least: number): Promise<number>;
  /** Seconds that it takes to classify `queries` features by their nearest neighbours in a bank. */
  knn(size: Pick<BenchConfig, 'bank' | 'queries' | 'k'>): Promise<number>;
  /** The memory that this process has on the benchmark's device. Can be asked for at any time. */
  memory(): NativeMemory;
  /** Asks the running job to end soon: its promise rejects with `ERR_MOCO_ABORTED`. */
  stop(): void;
  /** Stops, joins the thread and frees all tensors. Can be called more than once. */
  dispose(): Promise<void>;
}
