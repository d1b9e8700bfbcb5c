import type { MeasureName } from '../config/measures.js';
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

/**
 * How good the query encoder is, told without labels: measured on two training views of each of the
 * first 2,048 evaluated pictures, the same views at every evaluation. Its sources stand in the files
 * of native/core/evaluate that have these names.
 */
export interface LabelFreeMeasures extends Readonly<Record<MeasureName, number>> {
  /**
   * Squared distance of the projections of a picture's two views, mean (Wang & Isola 2020): 0 where
   * they are the same, 2 by chance; also 0 where the encoder gives all pictures the same vector.
   */
  readonly alignment: number;
  /**
   * Logarithm of the mean of exp(−2 d²) over the distances d of all pairs of pictures' projections
   * (Wang & Isola 2020): 0 where all are the same, about −4 where they are spread evenly.
   */
  readonly uniformity: number;
  /**
   * How many dimensions the backbone's features use (RankMe, Garrido et al. 2023): from 1 to their
   * length.
   */
  readonly effectiveRank: number;
  /**
   * Standard deviation of each dimension of the projections, mean, times the root of their number
   * (Chen & He 2021): 0 where all pictures have the same one, 1 where they are spread evenly.
   */
  readonly dimensionSpread: number;
  /**
   * Share (0…1) of the other pictures' second views that are nearer to a picture's first view than
   * its own second one, mean over the pictures: 0.5 by chance.
   */
  readonly ownKeyRank: number;
  /** The same, median over the pictures. */
  readonly ownKeyMedianRank: number;
  /** Share (0…1) of the pictures whose own second view is nearer than all others. */
  readonly ownKeyFirst: number;
  /**
   * Share (0…1) of a picture's 10 nearest others by the features of the first views that are among
   * its 10 nearest by those of the second ones, too (Huh et al. 2024).
   */
  readonly neighbourAgreement: number;
}

/** How good the query encoder is. */
export interface NativeEvaluation {
  /** Accuracy of weighted kNN, in per cent; absent where training or test pictures have no labels. */
  readonly top1?: number;
  readonly top5?: number;
  /** Absent where there is only one picture to measure on. */
  readonly measures?: LabelFreeMeasures;
}

/** Model, queue and optimiser in the addon, with a training thread of their own; runs one job at a time. */
export interface NativeTrainer {
  readonly description: NativeTrainerDescription;
  /**
   * Trains epoch number `epoch` (from 1; it picks the shuffle and the views) from step `firstStep`
   * (from 1) on. `onSteps` gets all rows since its last call, `STEP_COLUMNS` numbers each; rows wait
   * while JavaScript is busy, and training never waits for it. All rows arrive before the promise
   * settles.
   * @param lastStep ends the epoch, as the last one of a run that has no whole number of epochs;
   * absent: all of its steps are done
   * @returns the last step that was done: an earlier one than the epoch's last after `stop`
   */
  trainEpoch(
    epoch: number,
    firstStep: number,
    onSteps: (rows: Float64Array) => void,
    lastStep?: number,
  ): Promise<number>;
  /** How good the query encoder is, on the test split. */
  evaluate(): Promise<NativeEvaluation>;
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
