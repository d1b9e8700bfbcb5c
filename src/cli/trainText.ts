import type {
  DoneEvent,
  EpochEvent,
  EvaluationEvent,
  StartEvent,
  StepEvent,
  TrainEvent,
} from '../index.js';
import type { EventText, RunText, StepProgress } from './eventText.js';
import { machineLines } from './headerText.js';
import { measuresText, measureText } from './measuresText.js';
import { count, duration, gibibytes, percent, rate } from './quantities.js';
import { shownPath } from './shownPath.js';

/** The text of a training run's events. */
export class TrainText implements RunText<TrainEvent> {
  readonly #notes = new QueueNotes();
  #epoch: EpochEvent | undefined;

  textOf(event: TrainEvent): EventText {
    const note = this.#notes.after(event);
    switch (event.type) {
      case 'start':
        return { lines: header(event) };
      case 'step':
        return { lines: note === undefined ? [] : [note], progress: stepProgress(event) };
      case 'epoch':
        this.#epoch = event;
        return event.isEvaluated ? { live: epochLine(event) } : { lines: [epochLine(event)] };
      case 'evaluation':
        return { lines: [epochLine(this.#epoch as EpochEvent, event)] };
      case 'model':
      case 'checkpoint':
        return {};
      case 'warning':
        return { warning: event.message };
      case 'done':
        return { lines: footer(event) };
    }
  }
}

/** What is trained, on what, where it computes and where it writes. */
function header({ config, description, resumed }: StartEvent): string[] {
  const { dataset, files, stepsPerEpoch } = description;
  const { arch, featureDim, m, temperature, momentum, k, batchSize, epochs, evalEvery } = config;
  const { trainPictures, testPictures, validationPictures } = dataset;
  const measured =
    validationPictures > 0 ? `${validationPictures} held-out` : `${testPictures} test`;
  const evaluations = evalEvery > 1 ? `, evaluated every ${count(evalEvery, 'epoch')}` : '';
  const labels = dataset.classes > 0 ? `${dataset.classes} classes` : 'no labels';
  const pictures = `${trainPictures} training and ${measured} pictures`;
  return [
    ...machineLines(description),
    `data    ${shownPath(dataset.name)}: ${pictures}, ${labels}`,
    `model   ${arch}, ${(description.parameters / 1e6).toFixed(1)} million parameters, featureDim ${featureDim}`,
    `        m ${m}, temperature ${temperature}, momentum ${momentum}, k ${k}`,
    `run     ${count(epochs, 'epoch')} of ${count(stepsPerEpoch, 'step')} with ${batchSize} pictures${evaluations}`,
    `memory  ${memoryText(description)}`,
    `output  ${shownPath(files.directory)}`,
    ...(resumed ? [`resumed ${shownPath(resumed.path)}: ${resumedAt(resumed, epochs)}`] : []),
  ];
}

/** How much memory the run should take, and how much there is. */
function memoryText({ device, memory }: StartEvent['description']): string {
  const there = device === 'cpu' ? 'of' : 'of free';
  return `${gibibytes(memory.peak)} at its peak, ${there} ${gibibytes(memory.available)}`;
}

function resumedAt({ epoch, step }: { epoch: number; step: number }, epochs: number): string {
  return epoch > epochs
    ? 'nothing is left to do; --epochs trains longer'
    : `epoch ${epoch}, after step ${step}`;
}

function stepProgress(event: StepEvent): StepProgress {
  const { step, stepsPerEpoch } = event;
  return { title: epochTitle(event), step, stepsPerEpoch, metrics: stepMetrics(event) };
}

/** How a step went, for a live line or now and then. */
export function stepMetrics(step: StepEvent): string {
  const queue = step.queueFill < 1 ? [`queue ${Math.floor(100 * step.queueFill)} %`] : [];
  return [
    `loss ${step.loss.toFixed(4)}`,
    rate(step.picturesPerSecond),
    ...queue,
    `${duration(step.secondsLeft)} left`,
  ].join('  ');
}

/** `epoch 3/500` */
export function epochTitle({ epoch, epochs }: { epoch: number; epochs: number }): string {
  return `epoch ${String(epoch).padStart(String(epochs).length)}/${epochs}`;
}

/** An epoch's means and, as soon as it is known, how good the encoder is. */
export function epochLine(epoch: EpochEvent, evaluation?: EvaluationEvent): string {
  return [
    epochTitle(epoch),
    `loss ${epoch.loss.toFixed(4)}`,
    `contrastive top-1 ${percent(100 * epoch.contrastiveAccuracy)}`,
    `${rate(epoch.picturesPerSecond)} (${duration(epoch.seconds)})`,
    ...(epoch.isEvaluated ? [result(evaluation)] : []),
  ].join('  ');
}

function result(evaluation: EvaluationEvent | undefined): string {
  if (evaluation === undefined) return 'evaluating …';
  return `${measuresText(evaluation)}${evaluation.isBest ? ' (best)' : ''}`;
}

/** The end of a run. */
function footer({ best, hasBestModel, files, seconds }: DoneEvent): string[] {
  const model = hasBestModel
    ? shownPath(files.model)
    : `the best one was not there when the run went on; the last one is ${shownPath(files.lastModel)}`;
  return [
    `done in ${duration(seconds)}; best ${measureText(best.by, best.value)} after epoch ${best.epoch}`,
    `results ${shownPath(files.results)}`,
    `model   ${model}`,
  ];
}

/**
 * Explains the loss at the start of a run: while keys replace the random vectors that the queue
 * starts with, the negatives get harder and the loss rises. That is said once, and once more when
 * it is over.
 */
export class QueueNotes {
  #start: StartEvent | undefined;
  #isFilling = false;

  after(event: TrainEvent): string | undefined {
    if (event.type === 'start') this.#start = event;
    if (event.type !== 'step') return undefined;
    if (!this.#isFilling && event.queueFill < 1 && event.epoch === 1 && event.step === 1) {
      this.#isFilling = true;
      return this.#filling(event);
    }
    if (!this.#isFilling || event.queueFill < 1) return undefined;
    this.#isFilling = false;
    return `note: the queue is full of real keys (${epochTitle(event)}, step ${event.step})`;
  }

  #filling({ epochs, stepsPerEpoch }: StepEvent): string {
    const { m, batchSize } = (this.#start as StartEvent).config;
    const steps = Math.ceil(m / batchSize);
    const rises = 'the queue starts with random vectors, and the loss rises while real keys';
    return steps <= epochs * stepsPerEpoch
      ? `note: ${rises} replace them, for the first ${count(steps, 'step')}`
      : `note: ${rises} replace them; that takes ${count(steps, 'step')}, more than this run has (a smaller m fills earlier)`;
  }
}
