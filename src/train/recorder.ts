import { rm } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { TrainConfig } from '../config/trainConfig.js';
import type { AppendLog } from '../disk/appendLog.js';
import { flushFile, writeFileAtomic } from '../disk/atomicFile.js';
import { makeFolder } from '../disk/folder.js';
import { removeLeftovers } from '../disk/leftovers.js';
import { MocoError } from '../error.js';
import type { EventFile } from '../formats/tfevents.js';
import type { WarningEvent } from '../run/events.js';
import { movePreviousRun, restorePreviousRun } from '../run/previousRun.js';
import { RunLock } from '../run/runLock.js';
import { type Checkpoint, isOwnRun } from './checkpoint.js';
import type { EpochEvent, EvaluationEvent, StepEvent, TrainerDescription } from './events.js';
import { resultsTable } from './resultsTable.js';
import { goOnInDirectory, type Logs, makeDirectory, takeOverRun } from './runDirectory.js';
import { totalSteps } from './runLength.js';
import type { RunRecord } from './runRecord.js';
import type { EvaluatedEpoch, LogLengths } from './runState.js';

/** Writes a run's files, all but the models and checkpoints. */
export class Recorder implements RunRecord {
  readonly previousRun: string | undefined;
  readonly #config: TrainConfig;
  readonly #description: TrainerDescription;
  readonly #lock: RunLock;
  readonly #metrics: AppendLog;
  readonly #tensorBoard: EventFile;
  /** Whether the results file was written since it was last flushed. */
  #hasNewResults = false;
  #isClosed = false;

  private constructor(
    config: TrainConfig,
    description: TrainerDescription,
    previousRun: string | undefined,
    lock: RunLock,
    { metrics, tensorBoard }: Logs,
  ) {
    this.#config = config;
    this.#description = description;
    this.previousRun = previousRun;
    this.#lock = lock;
    this.#metrics = metrics;
    this.#tensorBoard = tensorBoard;
  }

  /**
   * Makes the run directory (and the folders above it) with what is known before the first step, or
   * goes on with one: what was written after the checkpoint is taken back. A checkpoint from another
   * directory gives a new one with copies of its run's files.
   * @param signal ends the waiting for a run of which is not known whether it still writes there
   * @throws MocoError `ERR_MOCO_OUTPUT`, also where another run writes there; files of an earlier
   * run are where they were then. `ERR_MOCO_ABORTED`
   */
  static async *open(
    config: TrainConfig,
    description: TrainerDescription,
    checkpoint: Checkpoint | undefined,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<WarningEvent, Recorder, void> {
    const { directory } = description.files;
    await makeFolder(dirname(directory));
    const lock = yield* RunLock.acquire(directory, signal);
    try {
      await removeLeftovers(directory, () => true);
      const beside = `${basename(directory)}_`;
      await removeLeftovers(dirname(directory), (name) => name.startsWith(beside));
      if (checkpoint === undefined || !isOwnRun(checkpoint, directory)) {
        return await Recorder.#openNew(config, description, lock, checkpoint);
      }
      const logs = await goOnInDirectory(config, description, checkpoint.state);
      return new Recorder(config, description, undefined, lock, logs);
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  static async #openNew(
    config: TrainConfig,
    description: TrainerDescription,
    lock: RunLock,
    checkpoint: Checkpoint | undefined,
  ): Promise<Recorder> {
    const { results, model, directory } = description.files;
    const previous = await movePreviousRun(directory, [results, model, directory]);
    try {
      const logs =
        checkpoint === undefined
          ? await makeDirectory(config, description)
          : await takeOverRun(config, description, checkpoint);
      return new Recorder(config, description, previous?.folder, lock, logs);
    } catch (error) {
      // Nothing below may replace the error that is to be reported.
      await rm(directory, { recursive: true, force: true }).catch(() => {});
      if (previous !== undefined) await restorePreviousRun(previous);
      throw error;
    }
  }

  /**
   * Makes sure that the run may still write.
   * @throws MocoError `ERR_MOCO_OUTPUT` where another run has taken its files over;
   * `ERR_MOCO_DISPOSED` after `close`
   */
  requireOpen(): void {
    if (this.#isClosed) throw new MocoError('ERR_MOCO_DISPOSED', 'this trainer was disposed of');
    this.#lock.requireHeld();
  }

  async recordSteps(steps: readonly StepEvent[]): Promise<void> {
    this.requireOpen();
    const time = unixTime();
    await this.#metrics.append(steps.map((step) => stepLine(step, time)).join(''));
    await this.#tensorBoard.append(
      steps.map((event) => ({
        step: this.#stepsBefore(event.epoch) + event.step,
        wallTime: time,
        values: {
          'train/loss': event.loss,
          'train/contrastive_accuracy': event.contrastiveAccuracy,
          'train/gradient_norm': event.gradientNorm,
          'train/learning_rate': event.learningRate,
          'train/pictures_per_second': event.picturesPerSecond,
          'train/queue_fill': event.queueFill,
        },
      })),
    );
  }

  /** Records an epoch that is not evaluated. */
  async recordEpoch({ epoch, loss }: EpochEvent): Promise<void> {
    this.requireOpen();
    const step = this.#stepsAfter(epoch);
    const values = { 'train/epoch_loss': loss };
    await this.#tensorBoard.append([{ step, wallTime: unixTime(), values }]);
  }

  /** Records the evaluation of the untrained encoder, which the table of epochs has no line for. */
  async recordUntrained(evaluation: EvaluationEvent): Promise<void> {
    this.requireOpen();
    await this.#appendEvaluation(evaluation, {});
  }

  /** @param results all evaluated epochs' lines, this one's included */
  async recordEvaluation(
    epoch: EpochEvent,
    evaluation: EvaluationEvent,
    results: readonly EvaluatedEpoch[],
  ): Promise<void> {
    this.requireOpen();
    await this.#appendEvaluation(evaluation, { 'train/epoch_loss': epoch.loss });
    const table = resultsTable(this.#description, results);
    await writeFileAtomic(this.#description.files.results, table, { flushes: false });
    this.#hasNewResults = true;
  }

  get lengths(): LogLengths {
    const { path, length } = this.#tensorBoard;
    return {
      metrics: this.#metrics.length,
      tensorBoard: { file: basename(path), bytes: length },
    };
  }

  /** Waits until all that was recorded is on the disk. @throws MocoError as `requireOpen` */
  async flush(): Promise<void> {
    this.requireOpen();
    const files = [this.#metrics.flush(), this.#tensorBoard.flush()];
    if (this.#hasNewResults) files.push(flushFile(this.#description.files.results));
    this.#hasNewResults = false;
    await Promise.all(files);
  }

  /** Can be called more than once. @throws MocoError `ERR_MOCO_OUTPUT` */
  async close(): Promise<void> {
    this.#isClosed = true;
    try {
      await Promise.all([this.#metrics.close(), this.#tensorBoard.close()]);
    } finally {
      this.#lock.release();
    }
  }

  /** @param others what TensorBoard is told with it */
  async #appendEvaluation(evaluation: EvaluationEvent, others: Record<string, number>) {
    const { epoch, top1, top5, measures, seconds } = evaluation;
    const time = unixTime();
    const line = { type: 'evaluation', time, epoch, top1, top5, ...measures, seconds };
    await this.#metrics.append(`${JSON.stringify(line)}\n`);
    const values = { ...tensorBoardValues(evaluation), ...others };
    await this.#tensorBoard.append([{ step: this.#stepsAfter(epoch), wallTime: time, values }]);
  }

  /** How many steps of the run come before an epoch's first. */
  #stepsBefore(epoch: number): number {
    return (epoch - 1) * this.#description.stepsPerEpoch;
  }

  /** How many steps of the run are done after an epoch: its last one may be cut. */
  #stepsAfter(epoch: number): number {
    const { stepsPerEpoch } = this.#description;
    return Math.min(epoch * stepsPerEpoch, totalSteps(this.#config, stepsPerEpoch));
  }
}

/** `knn/top1`, `unlabelled/effectiveRank` … */
function tensorBoardValues(evaluation: EvaluationEvent): Record<string, number> {
  const { top1, top5, measures } = evaluation;
  const values = Object.entries({ ...measures }).map(([name, value]) => [
    `unlabelled/${name}`,
    value,
  ]);
  return {
    ...(top1 !== undefined && { 'knn/top1': top1 }),
    ...(top5 !== undefined && { 'knn/top5': top5 }),
    ...Object.fromEntries(values),
  };
}

function stepLine(event: StepEvent, time: number): string {
  const { type, epoch, step, loss, contrastiveAccuracy, gradientNorm, learningRate } = event;
  const { picturesPerSecond, queueFill, seconds } = event;
  const metrics = { loss, contrastiveAccuracy, gradientNorm, learningRate };
  const line = { type, time, epoch, step, ...metrics, picturesPerSecond, queueFill, seconds };
  return `${JSON.stringify(line)}\n`;
}

/** Unix time in seconds. */
function unixTime(): number {
  return Date.now() / 1000;
}
