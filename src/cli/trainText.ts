import type { EpochEvent, EvaluationEvent, StartEvent, StepEvent, TrainEvent } from '../index.js';

/** What is trained, on what, where it computes and where it writes. */
export function header({ config, description }: StartEvent): string[] {
  const { dataset, files, stepsPerEpoch, computeThreads, dataThreads } = description;
  const { arch, featureDim, m, temperature, momentum, k, batchSize, epochs } = config;
  const threads = `${count(computeThreads, 'compute thread')}, ${count(dataThreads, 'data thread')}`;
  const pictures = `${dataset.trainPictures} training and ${dataset.testPictures} test pictures`;
  return [
    `moco ${description.mocoVersion}, LibTorch ${description.libtorchVersion}`,
    `device  ${description.device} (${description.deviceName}), ${threads}`,
    `        ${description.precision}: ${description.precisionReason}`,
    `data    ${dataset.name}: ${pictures}, ${dataset.classes} classes`,
    `model   ${arch}, ${(description.parameters / 1e6).toFixed(1)} million parameters, featureDim ${featureDim}`,
    `        m ${m}, temperature ${temperature}, momentum ${momentum}, k ${k}`,
    `run     ${count(epochs, 'epoch')} of ${count(stepsPerEpoch, 'step')} with ${batchSize} pictures`,
    `output  ${files.directory}`,
  ];
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
  const knn = evaluation
    ? `kNN top-1 ${percent(evaluation.top1)}, top-5 ${percent(evaluation.top5)}${evaluation.isBest ? ' (best)' : ''}`
    : 'evaluating …';
  return [
    epochTitle(epoch),
    `loss ${epoch.loss.toFixed(4)}`,
    `contrastive top-1 ${percent(100 * epoch.contrastiveAccuracy)}`,
    `${rate(epoch.picturesPerSecond)} (${duration(epoch.seconds)})`,
    knn,
  ].join('  ');
}

/** The end of a run; nothing for other events. */
export function footer(event: TrainEvent): string[] {
  if (event.type !== 'done') return [];
  const { best, files, seconds } = event;
  return [
    `done in ${duration(seconds)}; best kNN top-1 ${percent(best.top1)} after epoch ${best.epoch}`,
    `results ${files.results}`,
    `model   ${files.model}`,
  ];
}

/**
 * What a user must know to read the loss: while keys replace the random vectors that the queue
 * starts with, the negatives get harder and the loss rises. Said once, and once when it is over.
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

/** `2 h 5 min`, `3 min 20 s`, `8 s` */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${whole % 60} s` : `${whole} s`;
}

function rate(picturesPerSecond: number): string {
  const digits = picturesPerSecond < 10 ? 1 : 0;
  return `${picturesPerSecond.toFixed(digits)} pictures/s`;
}

function percent(value: number): string {
  return `${value.toFixed(2)} %`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
