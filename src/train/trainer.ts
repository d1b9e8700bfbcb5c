import * as check from '../arguments/check.js';
import type { TrainConfig } from '../config/trainConfig.js';
import { MocoError } from '../error.js';
import { StoppableWork } from '../native/stoppableWork.js';
import type { TrainEvent, TrainerDescription } from './events.js';
import { epochOfModel } from './missingParts.js';
import { Recorder } from './recorder.js';
import { NOT_RECORDED, type RunRecord } from './runRecord.js';
import { type TrainerParts, TrainingRun } from './trainingRun.js';

/** How a consumer ends a run early, beside leaving its loop. */
interface RunOptions {
  /** Ends the run after its current step, with a checkpoint. */
  readonly signal?: AbortSignal | undefined;
}

const RUN_ARGUMENTS = { options: check.options<RunOptions>({ signal: check.signal }) };

/**
 * One training run, from random parameters or a checkpoint to the last epoch, with its files. It
 * holds a model and a data set in native memory and on the device until it is disposed of.
 */
export class Trainer implements AsyncDisposable {
  readonly config: TrainConfig;
  readonly description: TrainerDescription;
  readonly #parts: TrainerParts;
  #hasRun = false;
  /** Ends what a run has open that the consumer left without ending it. */
  #closeRun = async () => {};

  /** Programs call `createTrainer`. */
  constructor(parts: TrainerParts) {
    this.config = parts.config;
    this.description = parts.description;
    this.#parts = parts;
  }

  /**
   * Trains, evaluates after every n-th epoch and the last, writes the run's files and tells what
   * happens. Leaving the loop early ends the run after its current step, and writes a checkpoint. A
   * trainer runs once.
   *
   * Training never waits for the consumer inside an epoch; the next epoch starts when the consumer
   * has taken the events of this one.
   * @throws MocoError `ERR_MOCO_CONFIG`, at the call; `ERR_MOCO_ABORTED` after the signal;
   * `ERR_MOCO_NON_FINITE` where the loss was not finite, with the checkpoint before it kept;
   * `ERR_MOCO_DEVICE` where the GPU failed, likewise; `ERR_MOCO_OUTPUT`; `ERR_MOCO_OUT_OF_MEMORY`
   */
  run(options: RunOptions = {}): AsyncGenerator<TrainEvent, void, void> {
    check.requireArguments('trainer.run', RUN_ARGUMENTS, { options });
    return this.#events(options.signal);
  }

  async *#events(signal: AbortSignal | undefined): AsyncGenerator<TrainEvent, void, void> {
    if (this.#hasRun)
      throw new MocoError('ERR_MOCO_DISPOSED', 'this trainer has run already or was disposed of');
    this.#hasRun = true;
    const work = new StoppableWork('the training', signal);
    const { config, description, checkpoint, group } = this.#parts;
    const recorder =
      group === undefined || group.isFirst
        ? yield* Recorder.open(config, description, checkpoint, signal)
        : NOT_RECORDED;
    const bestEpoch = await epochOfModel(description.files.model);
    const run = new TrainingRun(this.#parts, recorder, bestEpoch, work);
    this.#closeRun = async () => {
      await run.settle();
      await recorder.close();
    };
    let failed = false;
    try {
      yield* run.events();
    } catch (error) {
      failed = true;
      const failure = await run.failure(error);
      await group?.leave(failure);
      throw failure;
    } finally {
      try {
        if (!failed) await run.saveUnsaved(); // the consumer left
      } finally {
        await closeRecorder(recorder, failed);
      }
    }
  }

  /**
   * Ends a run, joins the training thread and frees all tensors, and lets other runs write where
   * this one did. Can be called more than once.
   * @throws MocoError `ERR_MOCO_OUTPUT`
   */
  async dispose(): Promise<void> {
    this.#hasRun = true;
    await this.#parts.native.dispose();
    await this.#closeRun();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }
}

/** @param failed whether something is being thrown already, which is the failure to report */
async function closeRecorder(recorder: RunRecord, failed: boolean): Promise<void> {
  try {
    await recorder.close();
  } catch (error) {
    if (!failed) throw error;
  }
}
