import type { LinearConfig } from '../config/linearConfig.js';
import { writeFileAtomic } from '../disk/atomicFile.js';
import { type LinearRow, linearStatisticsCsv } from '../formats/linearCsv.js';
import { LINEAR_STEP_COLUMNS, type NativeEvaluator } from '../native/evaluator.js';
import type { StoppableWork } from '../native/stoppableWork.js';
import type { ModelEvent } from '../run/events.js';
import type { RunLock } from '../run/runLock.js';
import { StepInbox } from '../run/stepInbox.js';
import { TimeLeft } from '../run/timeLeft.js';
import type {
  LinearAccuracy,
  LinearDescription,
  LinearEpochEvent,
  LinearEvaluationEvent,
  LinearEvent,
  LinearFiles,
  LinearStepEvent,
} from './linearEvents.js';
import { nativeWarnings } from './nativeWarnings.js';

/** One row of the addon's metrics. */
interface StepRow {
  readonly step: number;
  readonly loss: number;
  readonly pictures: number;
  readonly seconds: number;
}

/** What a run is put together from. */
interface LinearRunParts {
  readonly native: NativeEvaluator;
  readonly config: LinearConfig;
  readonly description: LinearDescription;
  /** What a model file says of itself, after an epoch. */
  readonly about: (epoch: number) => string;
  readonly files: LinearFiles;
  readonly lock: Pick<RunLock, 'requireHeld'>;
  /** Its signal ends the run after its current step. */
  readonly work: StoppableWork;
}

/** The epochs of a linear evaluation by the reference's protocol. */
export class LinearRun {
  readonly #native: NativeEvaluator;
  readonly #config: LinearConfig;
  readonly #description: LinearDescription;
  readonly #about: (epoch: number) => string;
  readonly #files: LinearFiles;
  readonly #lock: Pick<RunLock, 'requireHeld'>;
  readonly #work: StoppableWork;
  readonly #timeLeft: TimeLeft;
  readonly #rows: (LinearRow & { readonly epoch: number })[] = [];
  #best: LinearAccuracy | undefined;

  constructor({ native, config, description, about, files, lock, work }: LinearRunParts) {
    this.#native = native;
    this.#config = config;
    this.#description = description;
    this.#about = about;
    this.#files = files;
    this.#lock = lock;
    this.#work = work;
    this.#timeLeft = new TimeLeft(config.epochs, description.stepsPerEpoch);
  }

  /** Trains and measures the classifier epoch by epoch, and writes the files. */
  async *events(): AsyncGenerator<LinearEvent, void, void> {
    const begin = performance.now();
    const { epochs } = this.#config;
    await this.#work.run(this.#native, () => this.#native.startLinear(this.#config));
    for (let epoch = 1; epoch <= epochs; epoch++) {
      const trained = yield* this.#trainEpoch(epoch);
      yield trained;
      yield await this.#save('last', epoch);
      const evaluation = await this.#evaluate(trained);
      yield evaluation;
      yield* nativeWarnings(this.#native);
      if (evaluation.isBest) yield await this.#save('best', epoch);
    }
    const best = this.#best as LinearAccuracy; // there is at least one epoch
    const chosenBy = best.validation === undefined ? 'test' : 'validation';
    const seconds = secondsSince(begin);
    yield { type: 'done', epochs, best, chosenBy, seconds, files: this.#files };
  }

  async *#trainEpoch(epoch: number): AsyncGenerator<LinearStepEvent, LinearEpochEvent> {
    const begin = performance.now();
    let metrics = { loss: Number.NaN, top1: Number.NaN, top5: Number.NaN };
    const steps = new StepInbox(decodeRows, async (push) => {
      const train = () => this.#native.trainLinearEpoch(epoch, push);
      metrics = await this.#work.run(this.#native, train);
    });
    let stepSeconds = 0;
    try {
      for await (const rows of steps) {
        for (const row of rows) {
          this.#work.throwIfStopped();
          stepSeconds += row.seconds;
          yield this.#stepEvent(epoch, row);
        }
      }
    } finally {
      if (!steps.isClosed) this.#native.stop(); // the consumer left
      await steps.closed();
    }
    const { epochs } = this.#config;
    const picturesPerSecond = this.#description.dataset.trainPictures / stepSeconds;
    const secondsLeft = this.#timeLeft.seconds;
    const seconds = secondsSince(begin);
    return { type: 'epoch', epoch, epochs, ...metrics, picturesPerSecond, secondsLeft, seconds };
  }

  #stepEvent(epoch: number, { step, loss, pictures, seconds }: StepRow): LinearStepEvent {
    this.#timeLeft.stepTook(seconds);
    const { epochs } = this.#config;
    const { stepsPerEpoch } = this.#description;
    const picturesPerSecond = pictures / seconds;
    const secondsLeft = this.#timeLeft.seconds;
    const place = { epoch, epochs, step, stepsPerEpoch };
    return { type: 'step', ...place, loss, picturesPerSecond, secondsLeft };
  }

  /** Measures the classifier and adds the epoch to the statistics. */
  async #evaluate(trained: LinearEpochEvent): Promise<LinearEvaluationEvent> {
    const begin = performance.now();
    const hasValidation = this.#description.dataset.validationPictures > 0;
    const measure = (split: 'test' | 'validation') =>
      this.#work.run(this.#native, () => this.#native.measureLinear(split));
    const test = await measure('test');
    const validation = hasValidation ? await measure('validation') : undefined;
    const seconds = secondsSince(begin);
    this.#timeLeft.evaluationTook(seconds);
    const { epoch, epochs, loss, top1, top5 } = trained;
    this.#rows.push({ epoch, train: { loss, top1, top5 }, test, validation });
    this.#lock.requireHeld();
    await writeFileAtomic(this.#files.statistics, linearStatisticsCsv(this.#rows, hasValidation));
    const current = { epoch, test, validation };
    const isBest = this.#best === undefined || choiceTop1(current) > choiceTop1(this.#best);
    if (isBest) this.#best = current;
    const best = this.#best as LinearAccuracy;
    return { type: 'evaluation', ...current, epochs, isBest, best, seconds };
  }

  async #save(kind: ModelEvent['kind'], epoch: number): Promise<ModelEvent> {
    const path = kind === 'best' ? this.#files.model : this.#files.lastModel;
    this.#lock.requireHeld();
    await this.#native.saveLinear(path, this.#about(epoch));
    return { type: 'model', epoch, kind, path };
  }
}

/** The accuracy by which the best epoch is chosen. */
function choiceTop1({ test, validation = test }: LinearAccuracy): number {
  return validation.top1;
}

function decodeRows(numbers: Float64Array): StepRow[] {
  const rows: StepRow[] = [];
  for (let start = 0; start < numbers.length; start += LINEAR_STEP_COLUMNS) {
    const row = numbers.subarray(start, start + LINEAR_STEP_COLUMNS);
    const [step, loss, pictures, seconds] = row as unknown as [number, number, number, number];
    rows.push({ step, loss, pictures, seconds });
  }
  return rows;
}

/** @param begin of `performance.now()` */
function secondsSince(begin: number): number {
  return (performance.now() - begin) / 1000;
}
