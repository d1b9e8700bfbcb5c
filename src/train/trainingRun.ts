import { existsSync } from 'node:fs';
import { secondsOf } from '../config/duration.js';
import type { TrainConfig } from '../config/trainConfig.js';
import type { ProcessGroup } from '../distributed/processGroup.js';
import { MocoError } from '../error.js';
import type { StoppableWork } from '../native/stoppableWork.js';
import type { NativeEvaluation, NativeTrainer } from '../native/trainer.js';
import type { WarningEvent } from '../run/events.js';
import { StepInbox } from '../run/stepInbox.js';
import { BudgetWatch } from './budgetWatch.js';
import { type Checkpoint, isOwnRun } from './checkpoint.js';
import { CollapseWatch } from './collapseWatch.js';
import { CoreWatch } from './coreWatch.js';
import type {
  BestEpoch,
  EpochEvent,
  EvaluationEvent,
  StepEvent,
  TrainEvent,
  TrainerDescription,
} from './events.js';
import { MeasureWatch } from './measureWatch.js';
import { epochOfModel, missingParts } from './missingParts.js';
import { Progress } from './progress.js';
import { recipeAdvice } from './recipeAdvice.js';
import type { RunRecord } from './runRecord.js';
import { RunSaver, type SaveEvent } from './runSaver.js';
import { decodeStepRows, type StepRow } from './stepRows.js';
import { wayOn, withWayOn } from './wayOn.js';

/** What a trainer is put together from. */
export interface TrainerParts {
  readonly config: TrainConfig;
  readonly description: TrainerDescription;
  readonly native: NativeTrainer;
  /** What the user should know before the run, one line each. */
  readonly notices: readonly string[];
  /** What the run goes on from; `native` was made from it. */
  readonly checkpoint: Checkpoint | undefined;
  /** The processes that train together; undefined: this one trains alone. */
  readonly group?: ProcessGroup | undefined;
}

/** One run, from its first event to its last; one that is ended early leaves a checkpoint. */
export class TrainingRun {
  readonly #config: TrainConfig;
  readonly #description: TrainerDescription;
  readonly #native: NativeTrainer;
  readonly #notices: readonly string[];
  readonly #checkpoint: Checkpoint | undefined;
  readonly #group: ProcessGroup | undefined;
  readonly #recorder: RunRecord;
  readonly #bestEpoch: number | undefined;
  readonly #work: StoppableWork;
  readonly #progress: Progress;
  readonly #saver: RunSaver;
  readonly #watches: readonly [CollapseWatch, CoreWatch];
  readonly #measureWatch: MeasureWatch;
  readonly #budgetWatch: BudgetWatch | undefined;
  /** When the newest checkpoint was begun, of `performance.now()`. */
  #checkpointed = performance.now();
  /** Whether the newest checkpoint, once it is written, holds all that was done. */
  #isSaved = true;

  /** @param bestEpoch the epoch of the model in the best model's file, where there is one */
  constructor(
    parts: TrainerParts,
    recorder: RunRecord,
    bestEpoch: number | undefined,
    work: StoppableWork,
  ) {
    const { config, description, native, notices, checkpoint, group } = parts;
    this.#config = config;
    this.#description = description;
    this.#native = native;
    this.#notices = notices;
    this.#checkpoint = checkpoint;
    this.#group = group;
    this.#recorder = recorder;
    this.#bestEpoch = bestEpoch;
    this.#work = work;
    const spent = description.budget?.spentSeconds;
    this.#progress = new Progress(config, description, checkpoint?.state, spent);
    this.#budgetWatch =
      config.budget === undefined
        ? undefined
        : new BudgetWatch(secondsOf(config.budget), description.files.directory, config);
    this.#watches = [new CollapseWatch(config), new CoreWatch(description)];
    this.#measureWatch = new MeasureWatch(description);
    const writes = group === undefined || group.isFirst;
    this.#saver = new RunSaver({ config, description, native, recorder, bestEpoch, writes });
  }

  /** Trains to the last epoch. `Trainer.run` says what is thrown, and what the consumer may do. */
  async *events(): AsyncGenerator<TrainEvent, void, void> {
    const progress = this.#progress;
    yield this.#startEvent();
    for (const message of this.#warnings()) yield { type: 'warning', message };
    yield* this.#nativeWarnings();
    if (progress.isUntrainedDue) yield await this.#evaluateUntrained();
    yield* this.#save(!this.#hasCheckpoint || !existsSync(this.#description.files.lastModel));
    while (!progress.isDone) {
      yield* this.#trainEpoch();
      yield* this.#nativeWarnings();
      const trained = progress.trained();
      yield trained;
      if (trained.isEvaluated) {
        const evaluation = await this.#evaluate(trained);
        yield evaluation;
        yield* this.#watchEvaluation(evaluation);
        yield* this.#nativeWarnings();
      } else {
        await this.#finishEpoch(trained);
      }
      yield* this.#save(this.#isCheckpointDue(trained.epoch));
    }
    await this.#saver.finish();
    yield* this.#saver.takeWritten();
    await this.#group?.exchange('done'); // what was trained is safe
    const memory = this.#native.memory();
    const best = progress.best as BestEpoch; // the last epoch was evaluated
    yield {
      type: 'done',
      epochs: this.#config.epochs,
      best,
      untrainedTop1: progress.untrained?.top1,
      hasBestModel: (await epochOfModel(this.#description.files.model)) === best.epoch,
      seconds: progress.seconds,
      peakMemoryBytes: memory.peak,
      heldMemoryBytes: memory.held,
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
    yield* recipeAdvice(this.#config, this.#description);
    if (this.#recorder.previousRun !== undefined) {
      yield `files of an earlier run with the same parameters were moved to ${this.#recorder.previousRun}`;
    }
    if (this.#checkpoint !== undefined) {
      yield* missingParts(
        this.#checkpoint.state,
        this.#progress.best,
        this.#description.files,
        this.#bestEpoch,
        this.#recorder.lengths,
      );
    }
  }

  /** What the addon found out since the last call. */
  async *#nativeWarnings(): AsyncGenerator<WarningEvent, void> {
    for (const message of await this.#native.takeWarnings()) yield { type: 'warning', message };
  }

  /** Trains the rest of the epoch in work, with checkpoints in between where it takes long. */
  async *#trainEpoch(): AsyncGenerator<StepEvent | WarningEvent | SaveEvent, void> {
    while (!this.#progress.isTrained) {
      await this.#throwIfStopped();
      yield* this.#trainSteps();
      if (!this.#progress.isTrained && !this.#work.isStopped) yield* this.#save(true);
    }
  }

  /**
   * Where several processes train together, one that was stopped stops all: each asks the others
   * wherever it may have been told so.
   */
  async #throwIfStopped(): Promise<void> {
    if (this.#group === undefined) return this.#work.throwIfStopped();
    const stopped = await this.#group.exchange(this.#work.isStopped);
    const rank = stopped.indexOf(true);
    if (rank < 0) return;
    throw new MocoError('ERR_MOCO_ABORTED', `the training was stopped, at rank ${rank}`);
  }

  /** Runs a job of the trainer, with the other processes where there are any. */
  #run<Result>(job: () => Promise<Result>): Promise<Result> {
    return this.#group === undefined
      ? this.#work.run(this.#native, job)
      : this.#work.runTogether(this.#native, job);
  }

  /** Trains until the epoch is over, a checkpoint is due or the run is stopped. */
  async *#trainSteps(): AsyncGenerator<StepEvent | WarningEvent | SaveEvent, void> {
    const progress = this.#progress;
    const { epoch, step } = progress;
    const steps = new StepInbox(decodeStepRows, (push) =>
      this.#run(() => this.#native.trainEpoch(epoch, step + 1, push, progress.stepsOfEpoch)),
    );
    const record = async (rows: readonly StepRow[]): Promise<StepEvent[]> => {
      this.#isSaved = false;
      const events = rows.map((row) => progress.finishStep(row));
      await this.#recorder.recordSteps(events);
      return events;
    };
    let isOver = false;
    try {
      for await (const rows of steps) {
        const events = await record(rows);
        if (this.#isLate() && !this.#saver.isBusy) this.#native.stop();
        yield* events;
        yield* this.#watch(rows);
        yield* this.#saver.takeWritten();
      }
      isOver = true;
    } finally {
      if (!steps.isClosed) this.#native.stop(); // the consumer left, or a file could not be written
      await steps.closed();
      // What was trained until then counts, and what a checkpoint says of it must be true.
      if (!isOver && !steps.hasFailed) for await (const rows of steps) await record(rows);
    }
  }

  /** What steps show together and none of them alone. */
  *#watch(rows: readonly StepRow[]): Generator<WarningEvent, void> {
    for (const row of rows) {
      for (const watch of this.#watches) {
        const message = watch.after(row);
        if (message !== undefined) yield { type: 'warning', message };
      }
    }
  }

  *#watchEvaluation(evaluation: EvaluationEvent): Generator<WarningEvent, void> {
    const messages = [
      this.#measureWatch.after(evaluation),
      this.#budgetWatch?.after(this.#progress),
    ];
    for (const message of messages) {
      if (message !== undefined) yield { type: 'warning', message };
    }
  }

  async #evaluateUntrained(): Promise<EvaluationEvent> {
    const { measured, seconds } = await this.#measure();
    const event = this.#progress.finishUntrained(measured, seconds);
    await this.#recorder.recordUntrained(event);
    return event;
  }

  async #evaluate(trained: EpochEvent): Promise<EvaluationEvent> {
    const { measured, seconds } = await this.#measure();
    this.#isSaved = false;
    const event = this.#progress.finishEvaluation(trained, measured, seconds);
    await this.#recorder.recordEvaluation(trained, event, this.#progress.results);
    return event;
  }

  async #measure(): Promise<{ readonly measured: NativeEvaluation; readonly seconds: number }> {
    const begin = performance.now();
    const measured = await this.#run(() => this.#native.evaluate());
    return { measured, seconds: (performance.now() - begin) / 1000 };
  }

  async #finishEpoch(trained: EpochEvent): Promise<void> {
    this.#isSaved = false;
    this.#progress.finishEpoch(trained);
    await this.#recorder.recordEpoch(trained);
  }

  /**
   * Begins a save, if one is due, after it has told of the files of the save before. Without one
   * the run waits for nothing.
   */
  async *#save(hasCheckpoint: boolean): AsyncGenerator<SaveEvent, void> {
    if (!hasCheckpoint && !this.#saver.hasNewBest(this.#progress)) return;
    await this.#saver.finish();
    yield* this.#saver.takeWritten();
    await this.#beginSave(hasCheckpoint);
  }

  /** Saves what is due, as `RunSaver.save` does. */
  async #beginSave(hasCheckpoint: boolean): Promise<void> {
    await this.#saver.save(this.#progress, hasCheckpoint);
    if (!hasCheckpoint) return;
    this.#checkpointed = performance.now();
    this.#isSaved = true;
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

  /**
   * Writes a checkpoint where something was done since the newest one, and waits until it is there.
   * @throws MocoError `ERR_MOCO_OUTPUT`, `_OUT_OF_MEMORY`, `_DEVICE`
   */
  async saveUnsaved(): Promise<void> {
    try {
      if (!this.#isSaved) await this.#beginSave(true);
      await this.#saver.finish();
    } catch (error) {
      throw MocoError.from(error);
    }
  }

  /** Returns when no file is being written, however that ended. */
  async settle(): Promise<void> {
    await this.#saver.settle();
  }

  /** What to throw where an error ended the run; of a run that was stopped, a checkpoint is kept. */
  async failure(error: unknown): Promise<MocoError> {
    await this.settle(); // a failure of its own is not the one that ended the run
    if (isAbort(error)) return await this.#interrupted(error);
    return withWayOn(MocoError.from(error), this.#description.files.directory);
  }

  async #interrupted(cause: unknown): Promise<MocoError> {
    const { directory } = this.#description.files;
    try {
      await this.saveUnsaved();
    } catch (error) {
      return withWayOn(MocoError.from(error), directory);
    }
    const { epoch, step } = this.#progress;
    const message = `the training was stopped in epoch ${epoch}, after step ${step}`;
    return new MocoError('ERR_MOCO_ABORTED', message, {
      hint: `Go on with: ${wayOn(directory)}`,
      cause,
    });
  }
}

function isAbort(error: unknown): boolean {
  return (error as { code?: unknown }).code === 'ERR_MOCO_ABORTED';
}
