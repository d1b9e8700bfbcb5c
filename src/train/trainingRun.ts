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
import type { Recorder } from './recorder.js';
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

/** One run, from its first event to its last; one that is ended early leaves a checkpoint. */
export class TrainingRun {
  readonly #config: TrainConfig;
  readonly #description: TrainerDescription;
  readonly #native: NativeTrainer;
  readonly #notices: readonly string[];
  readonly #checkpoint: Checkpoint | undefined;
  readonly #recorder: Recorder;
  readonly #signal: AbortSignal | undefined;
  readonly #progress: Progress;
  /** When the newest checkpoint was written, of `performance.now()`. */
  #checkpointed = performance.now();
  /** Whether the newest checkpoint holds all that was done. */
  #isSaved = true;

  constructor(parts: TrainerParts, recorder: Recorder, signal: AbortSignal | undefined) {
    const { config, description, native, notices, checkpoint } = parts;
    this.#config = config;
    this.#description = description;
    this.#native = native;
    this.#notices = notices;
    this.#checkpoint = checkpoint;
    this.#recorder = recorder;
    this.#signal = signal;
    this.#progress = new Progress(config, description.stepsPerEpoch, checkpoint?.state);
  }

  /** Trains to the last epoch. `Trainer.run` says what is thrown, and what the consumer may do. */
  async *events(): AsyncGenerator<TrainEvent, void, void> {
    const progress = this.#progress;
    yield this.#startEvent();
    for (const message of this.#warnings()) yield { type: 'warning', message };
    yield* this.#nativeWarnings();
    if (this.#checkpoint === undefined) yield await this.#saveModel('last');
    if (!this.#hasCheckpoint) yield await this.#saveRun();
    while (!progress.isDone) {
      yield* this.#trainEpoch();
      yield* this.#nativeWarnings();
      const trained = progress.trained();
      yield trained;
      yield await this.#saveModel('last');
      if (trained.isEvaluated) {
        const evaluation = await this.#evaluate(trained);
        yield evaluation;
        yield* this.#nativeWarnings();
        if (evaluation.isBest) yield await this.#saveModel('best');
      } else {
        await this.#finishEpoch(trained);
      }
      if (this.#isCheckpointDue(trained.epoch)) yield await this.#saveRun();
    }
    yield {
      type: 'done',
      epochs: this.#config.epochs,
      best: progress.best as BestEpoch, // the last epoch was evaluated
      seconds: progress.seconds,
      peakMemoryBytes: this.#native.memory().peak,
      files: this.#description.files,
    };
  }

  /** Whether the run directory has a checkpoint from before the run. */
  get #hasCheckpoint(): boolean {
    const { directory } = this.#description.files;
    return this.#checkpoint !== undefined && isOwnRun(this.#checkpoint, directory);
  }

  #startEvent(): TrainEvent {
    const path = this.#checkpoint?.path;
    const { epoch, step } = this.#progress;
    return {
      type: 'start',
      config: this.#config,
      description: this.#description,
      resumed: path === undefined ? undefined : { path, epoch, step },
    };
  }

  *#warnings(): Generator<string> {
    yield* this.#notices;
    if (this.#recorder.previousRun !== undefined) {
      yield `files of an earlier run with the same parameters were moved to ${this.#recorder.previousRun}`;
    }
  }

  /** What the addon found out since the last call. */
  async *#nativeWarnings(): AsyncGenerator<WarningEvent, void> {
    for (const message of await this.#native.takeWarnings()) yield { type: 'warning', message };
  }

  /** Trains the rest of the epoch in work, with checkpoints in between where it takes long. */
  async *#trainEpoch(): AsyncGenerator<StepEvent | CheckpointEvent, void> {
    while (!this.#progress.isTrained) {
      throwIfAborted(this.#signal);
      yield* this.#trainSteps();
      if (!this.#progress.isTrained && !this.#signal?.aborted) yield await this.#saveRun();
    }
  }

  /** Trains until the epoch is over, a checkpoint is due or the run is stopped. */
  async *#trainSteps(): AsyncGenerator<StepEvent, void> {
    const { epoch, step } = this.#progress;
    const steps = new StepInbox(decodeStepRows, (push) =>
      this.#native.trainEpoch(epoch, step + 1, push),
    );
    const record = async (rows: ReturnType<typeof decodeStepRows>): Promise<StepEvent[]> => {
      this.#isSaved = false;
      const events = rows.map((row) => this.#progress.finishStep(row));
      await this.#recorder.recordSteps(events);
      return events;
    };
    let isOver = false;
    try {
      for await (const rows of steps) {
        const events = await record(rows);
        if (this.#isLate()) this.#native.stop();
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

  async #evaluate(trained: EpochEvent): Promise<EvaluationEvent> {
    throwIfAborted(this.#signal);
    const begin = performance.now();
    const accuracy = await this.#native.evaluate();
    const seconds = (performance.now() - begin) / 1000;
    this.#isSaved = false;
    const event = this.#progress.finishEvaluation(trained, accuracy, seconds);
    await this.#recorder.recordEvaluation(trained, event, this.#progress.results);
    return event;
  }

  async #finishEpoch(trained: EpochEvent): Promise<void> {
    this.#isSaved = false;
    this.#progress.finishEpoch(trained);
    await this.#recorder.recordEpoch(trained);
  }

  async #saveModel(kind: ModelEvent['kind']): Promise<ModelEvent> {
    const { model, lastModel } = this.#description.files;
    const path = kind === 'best' ? model : lastModel;
    const description = modelDescription(this.#config, this.#description, this.#progress);
    await this.#native.saveModel(path, JSON.stringify(description));
    return { type: 'model', kind, epoch: description.epoch, path };
  }

  /** Writes a checkpoint; all logs are on the disk before. */
  async #saveRun(): Promise<CheckpointEvent> {
    const { newest, previous } = checkpointPaths(this.#description.files.directory);
    const { mocoVersion, libtorchVersion, deviceName, precision } = this.#description;
    const state: RunState = {
      ...this.#progress.state(),
      ...{ mocoVersion, libtorchVersion, deviceName, precision },
      config: this.#config,
      logs: await this.#recorder.flush(),
    };
    await this.#native.saveCheckpoint(newest, previous, JSON.stringify(state));
    this.#checkpointed = performance.now();
    this.#isSaved = true;
    const { epoch, step } = state;
    return { type: 'checkpoint', epoch, step, path: newest };
  }

  #isCheckpointDue(epoch: number): boolean {
    const { checkpointEvery, epochs } = this.#config;
    return epoch % checkpointEvery === 0 || epoch === epochs || this.#isLate();
  }

  #isLate(): boolean {
    const { checkpointMinutes } = this.#config;
    const minutes = (performance.now() - this.#checkpointed) / 60_000;
    return checkpointMinutes > 0 && minutes >= checkpointMinutes;
  }

  /** Writes a checkpoint where something was done since the newest one. */
  async saveUnsaved(): Promise<void> {
    if (!this.#isSaved) await this.#saveRun();
  }

  /** What to throw where an error ended the run; of a run that was stopped, a checkpoint is kept. */
  async failure(error: unknown): Promise<MocoError> {
    return isAbort(error) ? await this.#interrupted(error) : this.#withWayOn(MocoError.from(error));
  }

  async #interrupted(cause: unknown): Promise<MocoError> {
    try {
      await this.saveUnsaved();
    } catch (error) {
      return MocoError.from(error);
    }
    const { epoch, step } = this.#progress;
    const message = `the training was stopped in epoch ${epoch}, after step ${step}`;
    return new MocoError('ERR_MOCO_ABORTED', message, {
      hint: `Go on with: moco train --resume ${this.#description.files.directory}`,
      cause,
    });
  }

  /**
   * Says after a failure of the GPU how to go on. Nothing was written since, so that the newest
   * checkpoint is whole.
   */
  #withWayOn(error: MocoError): MocoError {
    const { directory } = this.#description.files;
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

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new MocoError('ERR_MOCO_ABORTED', 'the training was stopped');
}
