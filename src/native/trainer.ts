import type { NativeDescription } from './compute.js';
import type { NativeTensorSource } from './input.js';
import type { NativeMemory } from './machine.js';

/** The most bytes that a run should take on its device, as estimated before it starts. */
export interface NativeMemoryPlan {
  /** Both encoders with their copies, the gradient and the optimiser. */
  readonly model: number;
  readonly queue: number;
  /** The data set and the views. */
  readonly pictures: number;
  /** Temporary tensors of a training step. */
  readonly step: number;
  /** Temporary tensors of a kNN evaluation. */
  readonly evaluation: number;
  /** The copy of the run's state that is written while the run goes on. */
  readonly snapshot: number;
  /** What a GPU's libraries may take for themselves. */
  readonly libraries: number;
  /** The most that is taken at once. */
  readonly peak: number;
  /** What there was when the trainer was made: the free memory of a GPU, or all memory of a CPU. */
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
 * queue that holds real keys (0…1), seconds in which the run's thread had no core to compute on.
 */
export const STEP_COLUMNS = 8;

/**
 * A copy of a run's state at one moment, with a thread of its own that writes files. It holds
 * memory of the device until it is disposed of, also after its trainer is gone.
 */
export interface NativeSnapshot {
  /**
   * Writes the query encoder's state dict as a PyTorch `.pth`, which appears whole, by a rename.
   * @param description JSON about the model, for `moco inspect`
   */
  saveModel(path: string, description: string): Promise<void>;
  /**
   * Writes everything that a later trainer needs to go on from here, bit for bit, as a safetensors
   * file, which appears whole, by a rename.
   * @param previous where the file that is at `path` now is moved
   * @param run JSON about the run, which is kept in the file as it is
   */
  saveCheckpoint(path: string, previous: string, run: string): Promise<void>;
  /** Waits for what is being written, joins the thread and frees the copy. Can be called more than once. */
  dispose(): Promise<void>;
}

/** What a run begins with in place of random parameters. */
export interface NativeBeginning {
  /** What `saveCheckpoint` wrote, to go on from there. */
  readonly checkpoint?: NativeTensorSource | undefined;
  /** Parameters and statistics of a part of the encoder, under the reference's names. */
  readonly weights?: NativeTensorSource | undefined;
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
  /**
   * Accuracy of weighted kNN with the query encoder's features over the test split, in per cent.
   */
  evaluate(): Promise<{ top1: number; top5: number }>;
  /** A copy of the run's state as it is now, which can be written while the run goes on. */
  snapshot(): Promise<NativeSnapshot>;
  /** Warnings for the user since the last call, one line each. */
  takeWarnings(): Promise<string[]>;
  /** The memory that this process has on the trainer's device. Can be asked for at any time. */
  memory(): NativeMemory;
  /**
   * Asks the running job to end soon: an epoch ends after its current step, an evaluation rejects
   * with `ERR_MOCO_ABORTED`.
   */
  stop(): void;
  /** Stops, joins the training thread and frees all tensors. Can be called more than once. */
  dispose(): Promise<void>;
}
