import { existsSync } from 'node:fs';
import type { TrainConfig } from '../config/trainConfig.js';
import { MocoError } from '../error.js';
import type { NativeTrainer } from '../native/trainer.js';
import type { ModelEvent, WarningEvent } from '../run/events.js';
import { StepInbox } from '../run/stepInbox.js';
import { type Checkpoint, checkpointPaths, isOwnRun } from './checkpoint.js';
import type {
  BestEpoch,
  CheckpointEvent,
  EpochEvent,
  EvaluationEvent,
  StepEvent,
  TrainEvent,
  TrainerDescription,
} from './events.js';
import { modelDescription } from './modelDescription.js';
import { Progress } from './progress.js';
import { Recorder } from './recorder.js';
import type { RunState } from './runState.js';
import { decodeStepRows } from './stepRows.js';

/** What a trainer is put together from. */
export interface TrainerParts {
  readonly config: TrainConfig;
  readonly description: TrainerDescription;
  readonly native: NativeTrainer;
  /** What the user should know before the run, one line each. */
  readonly notices: readonly string[];
  /** What the run goes on from; `native` was made from it. */
  readonly checkpoint: Checkpoint | undefined;
}

/** What one run carries along. */
interface Run {
  readonly recorder: Recorder;
  readonly progress: Progress;
  readonly signal: AbortSignal | undefined;
  /** When the newest checkpoint was written, of `performance.now()`. */
  checkpointed: number;
  /** Whether the newest checkpoint holds all that was done. */
  isSaved: boolean;
}

/**
 * One training run, from random parameters or a checkpoint to the last epoch, with its files. It
 * holds a model and a data set in native memory and on the device until it is disposed of.
 */
export class Trainer implements AsyncDisposable {
  readonly config: TrainConfig;
  readonly description: TrainerDescription;
  readonly #native: NativeTrainer;
  readonly #notices: readonly string[];
  readonly #checkpoint: Checkpoint | undefined;
  #hasRun = false;

  /** Programs call `createTrainer`. */
  constructor({ config, description, native, notices, checkpoint }: TrainerParts) {
    this.config = config;
    this.description = description;
    this.#native = native;
    this.#notices = notices;
    this.#checkpoint = checkpoint;
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
    const { config, description } = this;
    const progress = new Progress(config, description.stepsPerEpoch, this.#checkpoint?.state);
    const recorder = await Recorder.open(config, description, this.#checkpoint);
    const run = { recorder, progress, signal, checkpointed: performance.now(), isSaved: true };
    const stop = () => this.#native.stop();
    signal?.addEventListener('abort', stop);
    let failed = false;
    try {
      yield* this.#events(run);
    } catch (error) {
      failed = true;
      if (isAbort(error)) throw await this.#interrupted(run, error);
      throw this.#withWayOn(MocoError.from(error));
    } finally {
      signal?.removeEventListener('abort', stop);
      try {
        if (!failed && !run.isSaved) await this.#saveRun(run); // the consumer left
      } finally {
        await closeRecorder(recorder, failed);
      }
    }
  }

  /** Ends a run, joins the training thread and frees all tensors. Can be called more than once. */
  async dispose(): Promise<void> {
    this.#hasRun = true;
    await this.#native.dispose();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }

  async *#events(run: Run): AsyncGenerator<TrainEvent, void, void> {
    const { progress } = run;
    yield this.#startEvent(run);
    for (const message of this.#warnings(run)) yield { type: 'warning', message };
    yield* this.#nativeWarnings();
    if (this.#checkpoint === undefined) yield await this.#saveModel('last', run);
    if (!this.#hasCheckpoint) yield await this.#saveRun(run);
    while (!progress.isDone) {
      yield* this.#trainEpoch(run);
      yield* this.#nativeWarnings();
      const trained = progress.trained();
      yield trained;
      yield await this.#saveModel('last', run);
      if (trained.isEvaluated) {
        const evaluation = await this.#evaluate(trained, run);
        yield evaluation;
        yield* this.#nativeWarnings();
        if (evaluation.isBest) yield await this.#saveModel('best', run);
      } else {
        await this.#finishEpoch(trained, run);
      }
      if (this.#isCheckpointDue(trained.epoch, run)) yield await this.#saveRun(run);
    }
    const best = progress.best as BestEpoch; // the last epoch was evaluated
    const { files } = this.description;
    const { epochs } = this.config;
    const { seconds } = progress;
    yield {
      type: 'done',
      epochs,
      best,
      seconds,
      peakMemoryBytes: this.#native.memory().peak,
      files,
    };
  }

  /** Whether the run directory has a checkpoint from before the run. */
  get #hasCheckpoint(): boolean {
    const { directory } = this.description.files;
    return this.#checkpoint !== undefined && isOwnRun(this.#checkpoint, directory);
  }

  #startEvent({ progress }: Run): TrainEvent {
    const { config, description } = this;
    const path = this.#checkpoint?.path;
    const { epoch, step } = progress;
    const resumed = path === undefined ? undefined : { path, epoch, step };
    return { type: 'start', config, description, resumed };
  }

  *#warnings({ recorder }: Run): Generator<string> {
    yield* this.#notices;
    if (recorder.previousRun !== undefined) {
      yield `files of an earlier run with the same parameters were moved to ${recorder.previousRun}`;
    }
  }

  /** What the addon found out since the last call. */
  async *#nativeWarnings(): AsyncGenerator<WarningEvent, void> {
    for (const message of await this.#native.takeWarnings()) yield { type: 'warning', message };
  }

  /** Trains the rest of the epoch in work, with checkpoints in between where it takes long. */
  async *#trainEpoch(run: Run): AsyncGenerator<StepEvent | CheckpointEvent, void> {
    while (!run.progress.isTrained) {
      throwIfAborted(run.signal);
      yield* this.#trainSteps(run);
      if (!run.progress.isTrained && !run.signal?.aborted) yield await this.#saveRun(run);
    }
  }

  /** Trains until the epoch is over, a checkpoint is due or the run is stopped. */
  async *#trainSteps(run: Run): AsyncGenerator<StepEvent, void> {
    const { epoch, step } = run.progress;
    const steps = new StepInbox(decodeStepRows, (push) =>
      this.#native.trainEpoch(epoch, step + 1, push),
    );
    const record = async (rows: ReturnType<typeof decodeStepRows>): Promise<StepEvent[]> => {
      run.isSaved = false;
      const events = rows.map((row) => run.progress.finishStep(row));
      await run.recorder.recordSteps(events);
      return events;
    };
    let isOver = false;
    try {
      for await (const rows of steps) {
        const events = await record(rows);
        if (this.#isLate(run)) this.#native.stop();
        yield* events;
      }
      isOver = true;
    } finally {
      if (!steps.isClosed) this.#native.stop(); // the consumer left, or a file could not be written
      await steps.closed();
      // What was trained until then counts, and what a checkpoint says of it must be true.
      if (!isOver && !steps.hasFailed) for await (const rows of steps) await record(rows);
    }
  }

  async #evaluate(trained: EpochEvent, run: Run): Promise<EvaluationEvent> {
    throwIfAborted(run.signal);
    const begin = performance.now();
    const accuracy = await this.#native.evaluate();
    const seconds = (performance.now() - begin) / 1000;
    run.isSaved = false;
    const event = run.progress.finishEvaluation(trained, accuracy, seconds);
    await run.recorder.recordEvaluation(trained, event, run.progress.results);
    return event;
  }

  async #finishEpoch(trained: EpochEvent, run: Run): Promise<void> {
    run.isSaved = false;
    run.progress.finishEpoch(trained);
    await run.recorder.recordEpoch(trained);
  }

  async #saveModel(kind: ModelEvent['kind'], run: Run): Promise<ModelEvent> {
    const { model, lastModel } = this.description.files;
    const path = kind === 'best' ? model : lastModel;
    const description = modelDescription(this.config, this.description, run.progress);
    await this.#native.saveModel(path, JSON.stringify(description));
    return { type: 'model', kind, epoch: description.epoch, path };
  }

  /** Writes a checkpoint; all logs are on the disk before. */
  async #saveRun(run: Run): Promise<CheckpointEvent> {
    const { newest, previous } = checkpointPaths(this.description.files.directory);
    const { mocoVersion, libtorchVersion, deviceName, precision } = this.description;
    const state: RunState = {
      ...run.progress.state(),
      ...{ mocoVersion, libtorchVersion, deviceName, precision },
      config: this.config,
      logs: await run.recorder.flush(),
    };
    await this.#native.saveCheckpoint(newest, previous, JSON.stringify(state));
    run.checkpointed = performance.now();
    run.isSaved = true;
    const { epoch, step } = state;
    return { type: 'checkpoint', epoch, step, path: newest };
  }

  #isCheckpointDue(epoch: number, run: Run): boolean {
    const { checkpointEvery, epochs } = this.config;
    return epoch % checkpointEvery === 0 || epoch === epochs || this.#isLate(run);
  }

  #isLate({ checkpointed }: Run): boolean {
    const { checkpointMinutes } = this.config;
    const minutes = (performance.now() - checkpointed) / 60_000;
    return checkpointMinutes > 0 && minutes >= checkpointMinutes;
  }

  /** Keeps what was done before the run was stopped. @returns what to throw */
  async #interrupted(run: Run, cause: unknown): Promise<MocoError> {
    try {
      if (!run.isSaved) await this.#saveRun(run);
    } catch (error) {
      return MocoError.from(error);
    }
    const { epoch, step } = run.progress;
    const message = `the training was stopped in epoch ${epoch}, after step ${step}`;
    return new MocoError('ERR_MOCO_ABORTED', message, {
      hint: `Go on with: moco train --resume ${this.description.files.directory}`,
      cause,
    });
  }

  /** What a run does after its GPU failed: the newest checkpoint is whole, and nothing is written. */
  #withWayOn(error: MocoError): MocoError {
    const { directory } = this.description.files;
    const { newest } = checkpointPaths(directory);
    if (error.code !== 'ERR_MOCO_DEVICE' || !existsSync(newest)) return error;
    return new MocoError(error.code, error.message, {
      hint: `${error.hint ?? ''}\nThe newest checkpoint, ${newest}, is whole; go on with: moco train --resume ${directory}`,
      cause: error,
    });
  }
}

function isAbort(error: unknown): boolean {
  return (error as { code?: unknown }).code === 'ERR_MOCO_ABORTED';
}

/** @param failed whether something is being thrown already, which is the failure to report */
async function closeRecorder(recorder: Recorder, failed: boolean): Promise<void> {
  try {
    await recorder.close();
  } catch (error) {
    if (!failed) throw error;
  }
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new MocoError('ERR_MOCO_ABORTED', 'the training was stopped');
}
