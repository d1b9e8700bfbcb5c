import type { TrainConfig } from '../config/trainConfig.js';
import { MocoError } from '../error.js';
import type { TrainEvent, TrainerDescription } from './events.js';
import { Recorder } from './recorder.js';
import { type TrainerParts, TrainingRun } from './trainingRun.js';

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
   * @param options.signal ends the run after its current step, with a checkpoint
   * @throws MocoError `ERR_MOCO_ABORTED` after the signal; `ERR_MOCO_NON_FINITE` where the loss was
   * not finite, with the checkpoint before it kept; `ERR_MOCO_DEVICE` where the GPU failed, likewise;
   * `ERR_MOCO_OUTPUT`; `ERR_MOCO_OUT_OF_MEMORY`
   */
  async *run(
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): AsyncGenerator<TrainEvent, void, void> {
    const { signal } = options;
    if (this.#hasRun)
      throw new MocoError('ERR_MOCO_DISPOSED', 'this trainer has run already or was disposed of');
    this.#hasRun = true;
    if (signal?.aborted) throw new MocoError('ERR_MOCO_ABORTED', 'the training was stopped');
    const { config, description, native, checkpoint } = this.#parts;
    const recorder = yield* Recorder.open(config, description, checkpoint, signal);
    const run = new TrainingRun(this.#parts, recorder, signal);
    this.#closeRun = async () => {
      await run.settle();
      await recorder.close();
    };
    const stop = () => native.stop();
    signal?.addEventListener('abort', stop);
    let failed = false;
    try {
      yield* run.events();
    } catch (error) {
      failed = true;
      throw await run.failure(error);
    } finally {
      signal?.removeEventListener('abort', stop);
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
async function closeRecorder(recorder: Recorder, failed: boolean): Promise<void> {
  try {
    await recorder.close();
  } catch (error) {
    if (!failed) throw error;
  }
}
