import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { TrainConfig } from '../config/trainConfig.js';
import { AppendLog } from '../formats/appendLog.js';
import { writeFileAtomic } from '../formats/atomicFile.js';
import { type ResultsRow, resultsCsv } from '../formats/resultsCsv.js';
import { EventFile } from '../formats/tfevents.js';
import { environment } from './environment.js';
import type { EpochEvent, EvaluationEvent, StepEvent, TrainerDescription } from './events.js';
import { makeFolder } from './outputFolder.js';
import { movePreviousRun, restorePreviousRun } from './previousRun.js';
import { RunLock } from './runLock.js';

/** The files that grow with a run. */
interface Logs {
  readonly metrics: AppendLog;
  readonly tensorBoard: EventFile;
}

/** Writes a run's files, all but the models. */
export class Recorder {
  /** Where files of an earlier run with the same parameters were moved to, if there were any. */
  readonly previousRun: string | undefined;
  readonly #description: TrainerDescription;
  readonly #lock: RunLock;
  readonly #metrics: AppendLog;
  readonly #tensorBoard: EventFile;
  readonly #results: ResultsRow[] = [];

  private constructor(
    description: TrainerDescription,
    previousRun: string | undefined,
    lock: RunLock,
    { metrics, tensorBoard }: Logs,
  ) {
    this.#description = description;
    this.previousRun = previousRun;
    this.#lock = lock;
    this.#metrics = metrics;
    this.#tensorBoard = tensorBoard;
  }

  /**
   * Makes the run directory (and the folders above it) and what is known before the first step.
   * @throws MocoError `ERR_MOCO_OUTPUT`, also where another run writes there; files of an earlier
   * run are where they were then.
   */
  static async open(config: TrainConfig, description: TrainerDescription): Promise<Recorder> {
    const { directory } = description.files;
    await makeFolder(dirname(directory));
    const lock = await RunLock.acquire(directory);
    try {
      return await Recorder.#openLocked(config, description, lock);
    } catch (error) {
      await lock.release().catch(() => {}); // the first failure is the one to report
      throw error;
    }
  }

  static async #openLocked(
    config: TrainConfig,
    description: TrainerDescription,
    lock: RunLock,
  ): Promise<Recorder> {
    const { results, model, directory } = description.files;
    const previous = await movePreviousRun(directory, [results, model, directory]);
    try {
      const logs = await makeDirectory(config, description);
      return new Recorder(description, previous?.folder, lock, logs);
    } catch (error) {
      // Nothing below may replace the error that is to be reported.
      await rm(directory, { recursive: true, force: true }).catch(() => {});
      if (previous !== undefined) await restorePreviousRun(previous);
      throw error;
    }
  }

  async recordSteps(steps: readonly StepEvent[]): Promise<void> {
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

  /** Adds the epoch to the results and brings all files to the disk. */
  async recordEvaluation(epoch: EpochEvent, evaluation: EvaluationEvent): Promise<void> {
    const { top1, top5, seconds } = evaluation;
    const time = unixTime();
    const line = { type: 'evaluation', time, epoch: evaluation.epoch, top1, top5, seconds };
    await this.#metrics.append(`${JSON.stringify(line)}\n`);
    const step = this.#stepsBefore(evaluation.epoch + 1);
    const values = { 'knn/top1': top1, 'knn/top5': top5, 'train/epoch_loss': epoch.loss };
    await this.#tensorBoard.append([{ step, wallTime: time, values }]);
    await Promise.all([this.#metrics.flush(), this.#tensorBoard.flush()]);
    this.#results.push({ epoch: evaluation.epoch, trainLoss: epoch.loss, top1, top5 });
    await writeFileAtomic(this.#description.files.results, resultsCsv(this.#results));
  }

  /** Can be called more than once. @throws MocoError `ERR_MOCO_OUTPUT` */
  async close(): Promise<void> {
    try {
      await Promise.all([this.#metrics.close(), this.#tensorBoard.close()]);
    } finally {
      await this.#lock.release();
    }
  }

  #stepsBefore(epoch: number): number {
    return (epoch - 1) * this.#description.stepsPerEpoch;
  }
}

/** Makes the run directory with its first files. */
async function makeDirectory(config: TrainConfig, description: TrainerDescription): Promise<Logs> {
  const { directory } = description.files;
  await makeFolder(directory);
  await writeFileAtomic(join(directory, 'config.resolved.json'), json(config));
  const where = json(await environment(description));
  await writeFileAtomic(join(directory, 'environment.json'), where);
  const metrics = await AppendLog.create(join(directory, 'metrics.jsonl'));
  try {
    return { metrics, tensorBoard: await EventFile.create(directory, unixTime()) };
  } catch (error) {
    await metrics.close().catch(() => {}); // the first failure is the one to report
    throw error;
  }
}

function stepLine(event: StepEvent, time: number): string {
  const { type, epoch, step, loss, contrastiveAccuracy, gradientNorm, learningRate } = event;
  const { picturesPerSecond, queueFill } = event;
  const metrics = { loss, contrastiveAccuracy, gradientNorm, learningRate };
  const line = { type, time, epoch, step, ...metrics, picturesPerSecond, queueFill };
  return `${JSON.stringify(line)}\n`;
}

function json(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** Seconds. */
function unixTime(): number {
  return Date.now() / 1000;
}
