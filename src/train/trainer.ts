import type { TrainConfig } from '../config/trainConfig.js';
import type { NativeTrainer } from '../native/addon.js';
import { MocoError } from '../native/error.js';
import type {
  BestEpoch,
  CheckpointEvent,
  EpochEvent,
  EvaluationEvent,
  StepEvent,
  TrainEvent,
  TrainerDescription,
} from './events.js';
import { Recorder } from './recorder.js';
import { StepInbox } from './stepInbox.js';
import { decodeStepRows, type StepRow } from './stepRows.js';
import { TimeLeft } from './timeLeft.js';

/** What a trainer is put together from. */
export interface TrainerParts {
  readonly config: TrainConfig;
  readonly description: TrainerDescription;
  readonly native: NativeTrainer;
  /** What the user should know before the run, one line each. */
  readonly notices: readonly string[];
}

/** What one run carries from epoch to epoch. */
interface Run {
  readonly recorder: Recorder;
  readonly timeLeft: TimeLeft;
  readonly signal: AbortSignal | undefined;
  best: BestEpoch | undefined;
}

/**
 * One training run, from random parameters to the last epoch, with its files. It holds a model and
 * a data set in native memory and on the device until it is disposed of.
 */
export class Trainer implements AsyncDisposable {
  readonly config: TrainConfig;
  readonly description: TrainerDescription;
  readonly #native: NativeTrainer;
  readonly #notices: readonly string[];
  #hasRun = false;

  /** Programs call `createTrainer`. */
  constructor({ config, description, native, notices }: TrainerParts) {
    this.config = config;
    this.description = description;
    this.#native = native;
    this.#notices = notices;
  }

  /**
   * Trains, evaluates after every epoch, writes the run's files and tells what happens. Leaving the
   * loop early ends the run after its current step. A trainer runs once.
   *
   * Training never waits for the consumer inside an epoch; the next epoch starts when the consumer
   * has taken the events of this one.
   * @param options.signal ends the run after its current step
   * @throws MocoError `ERR_MOCO_ABORTED` after the signal; `ERR_MOCO_NON_FINITE` where the loss was
   * not finite, with the model of the epoch before kept; `ERR_MOCO_OUTPUT`; `ERR_MOCO_OUT_OF_MEMORY`
   */
  async *run(
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): AsyncGenerator<TrainEvent, void, void> {
    const { signal } = options;
    if (this.#hasRun)
      throw new MocoError('ERR_MOCO_DISPOSED', 'this trainer has run already or was disposed of');
    this.#hasRun = true;
    throwIfAborted(signal);
    const { epochs } = this.config;
    const timeLeft = new TimeLeft(epochs, this.description.stepsPerEpoch);
    const recorder = await Recorder.open(this.config, this.description);
    const stop = () => this.#native.stop();
    signal?.addEventListener('abort', stop);
    try {
      yield* this.#events({ recorder, timeLeft, signal, best: undefined });
    } catch (error) {
      await recorder.close().catch(() => {}); // the run's own error is the one to report
      throw MocoError.from(error);
    } finally {
      signal?.removeEventListener('abort', stop);
      await recorder.close();
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
    const { config, description } = this;
    const begin = performance.now();
    yield { type: 'start', config, description };
    for (const message of this.#warnings(run)) yield { type: 'warning', message };
    yield await this.#save('last', 0);
    for (let epoch = 1; epoch <= config.epochs; epoch++) {
      const trained = yield* this.#trainEpoch(epoch, run);
      yield trained;
      yield await this.#save('last', epoch);
      const evaluation = await this.#evaluate(trained, run);
      yield evaluation;
      if (evaluation.isBest) yield await this.#save('best', epoch);
    }
    const best = run.best as BestEpoch; // there is at least one epoch
    const { files } = description;
    yield { type: 'done', epochs: config.epochs, best, seconds: secondsSince(begin), files };
  }

  *#warnings({ recorder }: Run): Generator<string> {
    yield* this.#notices;
    if (recorder.previousRun !== undefined) {
      yield `files of an earlier run with the same parameters were moved to ${recorder.previousRun}`;
    }
  }

  async *#trainEpoch(epoch: number, run: Run): AsyncGenerator<StepEvent, EpochEvent> {
    throwIfAborted(run.signal);
    const begin = performance.now();
    const steps = new StepInbox(decodeStepRows, (push) => this.#native.trainEpoch(epoch, push));
    const events: StepEvent[] = [];
    try {
      for await (const rows of steps) {
        const news = rows.map((row) => this.#stepEvent(epoch, row, run.timeLeft));
        await run.recorder.recordSteps(news);
        for (const event of news) {
          throwIfAborted(run.signal);
          yield event;
        }
        events.push(...news);
      }
    } finally {
      if (!steps.isClosed) this.#native.stop(); // the consumer left, or a file could not be written
      await steps.closed();
    }
    return epochEvent(events, secondsSince(begin));
  }

  #stepEvent(epoch: number, row: StepRow, timeLeft: TimeLeft): StepEvent {
    const { seconds, step, ...metrics } = row;
    const { batchSize, epochs } = this.config;
    const { stepsPerEpoch } = this.description;
    timeLeft.stepTook(seconds);
    const picturesPerSecond = batchSize / seconds;
    const secondsLeft = timeLeft.seconds;
    const place = { epoch, epochs, step, stepsPerEpoch };
    return { type: 'step', ...place, ...metrics, picturesPerSecond, secondsLeft };
  }

  async #evaluate(trained: EpochEvent, run: Run): Promise<EvaluationEvent> {
    throwIfAborted(run.signal);
    const begin = performance.now();
    const { top1, top5 } = await this.#native.evaluate();
    const seconds = secondsSince(begin);
    run.timeLeft.evaluationTook(seconds);
    const { epoch, epochs } = trained;
    const isBest = run.best === undefined || top1 > run.best.top1;
    if (isBest) run.best = { epoch, top1, top5 };
    const best = run.best as BestEpoch;
    const event = { type: 'evaluation', epoch, epochs, top1, top5, isBest, best, seconds } as const;
    await run.recorder.recordEvaluation(trained, event);
    return event;
  }

  async #save(kind: CheckpointEvent['kind'], epoch: number): Promise<CheckpointEvent> {
    const { model, lastModel } = this.description.files;
    const path = kind === 'best' ? model : lastModel;
    await this.#native.saveModel(path);
    return { type: 'checkpoint', epoch, kind, path };
  }
}

function epochEvent(steps: readonly StepEvent[], seconds: number): EpochEvent {
  const mean = (value: (step: StepEvent) => number) =>
    steps.reduce((sum, step) => sum + value(step), 0) / steps.length;
  const { epoch, epochs, learningRate, queueFill, secondsLeft } = steps.at(-1) as StepEvent;
  return {
    type: 'epoch',
    epoch,
    epochs,
    loss: mean((step) => step.loss),
    contrastiveAccuracy: mean((step) => step.contrastiveAccuracy),
    gradientNorm: mean((step) => step.gradientNorm),
    learningRate,
    picturesPerSecond: 1 / mean((step) => 1 / step.picturesPerSecond),
    queueFill,
    secondsLeft,
    seconds,
  };
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (!signal?.aborted) return;
  throw new MocoError('ERR_MOCO_ABORTED', 'the training was stopped', { cause: signal.reason });
}

/** @param begin of `performance.now()` */
function secondsSince(begin: number): number {
  return (performance.now() - begin) / 1000;
}
