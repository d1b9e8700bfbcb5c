import type {
  BudgetPlan,
  DoneEvent,
  EpochEvent,
  EvaluationEvent,
  StartEvent,
  StepEvent,
  TrainEvent,
  UsedRecipe,
} from '../index.js';
import type { EventText, RunText, StepProgress } from './eventText.js';
import { machineLines } from './headerText.js';
import { measuresText, measureText } from './measuresText.js';
import { archText } from './modelText.js';
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
        return { lines: [this.#evaluationLine(event)] };
      case 'model':
      case 'checkpoint':
        return {};
      case 'warning':
        return { warning: event.message };
      case 'done':
        return { lines: footer(event) };
    }
  }

  #evaluationLine(event: EvaluationEvent): string {
    return event.epoch === 0 ? untrainedLine(event) : epochLine(this.#epoch as EpochEvent, event);
  }
}

/** How good an encoder is that has learned nothing: what an epoch's figure is to be compared with. */
function untrainedLine(evaluation: EvaluationEvent): string {
  return `${epochTitle(evaluation)}  untrained  ${measuresText(evaluation)}`;
}

/** What is trained, on what, where it computes and where it writes. */
function header({ config, description, resumed }: StartEvent): string[] {
  const { dataset, files, stepsPerEpoch } = description;
  const { arch, width, featureDim, m, temperature, momentum, k } = config;
  const { trainPictures, testPictures, validationPictures } = dataset;
  const measured =
    validationPictures > 0 ? `${validationPictures} held-out` : `${testPictures} test`;
  const labels = dataset.classes > 0 ? `${dataset.classes} classes` : 'no labels';
  const pictures = `${trainPictures} training and ${measured} pictures`;
  return [
    ...machineLines(description),
    ...(description.recipe ? usedRecipeLines(description.recipe) : []),
    `data    ${shownPath(dataset.name)}: ${pictures}, ${labels}`,
    `model   ${archText(arch, width)}, ${(description.parameters / 1e6).toFixed(1)} million parameters, featureDim ${featureDim}`,
    `        m ${m}, temperature ${temperature}, momentum ${momentum}, k ${k}`,
    ...optimiserLines(config),
    `run     ${lengthText(config, stepsPerEpoch)}`,
    ...(description.budget ? budgetLines(description.budget) : []),
    `memory  ${memoryText(description)}`,
    `output  ${shownPath(files.directory)}`,
    ...(resumed
      ? [`resumed ${shownPath(resumed.path)}: ${resumedAt(resumed, config.epochs)}`]
      : []),
  ];
}

/** Which recipe a run follows, and what it does otherwise. */
function usedRecipeLines({ name, title, reason, changed }: UsedRecipe): string[] {
  const changes = Object.entries(changed).map(
    ([key, { recipe, run }]) => `${key} ${valueText(run)} (${valueText(recipe)})`,
  );
  return [
    `recipe  ${name}: ${title}`,
    ...(reason === undefined ? [] : [`        chosen because ${reason}`]),
    ...(changes.length === 0 ? [] : [`        changed: ${changes.join(', ')}`]),
  ];
}

function valueText(value: unknown): string {
  return value === undefined ? 'none' : JSON.stringify(value);
}

/** How a run was fitted into its budget, and when it should end. */
function budgetLines(budget: BudgetPlan): string[] {
  const { seconds, spentSeconds, expectedSeconds } = budget;
  const { secondsPerStep, secondsPerEvaluation } = budget;
  const end = new Date(Date.now() + 1000 * (expectedSeconds - spentSeconds));
  const measured = `${secondsPerStep.toPrecision(3)} s a step, ${duration(secondsPerEvaluation)} an evaluation`;
  return [
    `budget  ${duration(seconds)}, of which ${duration(spentSeconds)} went by with loading and measuring: ${measured}`,
    `        should end at ${end.toTimeString().slice(0, 5)}, after ${duration(expectedSeconds)}`,
  ];
}

/** `8 epochs of 31 steps with 64 pictures`; of a run whose last epoch is cut, its steps first. */
function lengthText(config: StartEvent['config'], stepsPerEpoch: number): string {
  const { epochs, steps, batchSize, evalEvery } = config;
  const pictures = `with ${batchSize} pictures`;
  const whole = `${count(epochs, 'epoch')} of ${count(stepsPerEpoch, 'step')}`;
  const evaluations = evalEvery > 1 ? `, evaluated every ${count(evalEvery, 'epoch')}` : '';
  if (steps === undefined || steps % stepsPerEpoch === 0) {
    return `${whole} ${pictures}${evaluations}`;
  }
  const cut = `${count(steps, 'step')} ${pictures}: ${(steps / stepsPerEpoch).toFixed(2)} epochs`;
  return `${cut} of ${count(stepsPerEpoch, 'step')}${evaluations}`;
}

/** What updates the parameters, where it is not as in the reference. */
function optimiserLines(config: StartEvent['config']): string[] {
  const { optimiser, learningRate, schedule, warmupEpochs } = config;
  if (optimiser === 'adam' && schedule === 'constant' && warmupEpochs === 0) return [];
  const warmup = warmupEpochs > 0 ? ` after ${count(warmupEpochs, 'epoch')} of warm-up` : '';
  return [`        ${optimiser}, learning rate ${learningRate}, ${schedule}${warmup}`];
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
function footer({ best, untrainedTop1, hasBestModel, files, seconds }: DoneEvent): string[] {
  const model = hasBestModel
    ? shownPath(files.model)
    : `the best one was not there when the run went on; the last one is ${shownPath(files.lastModel)}`;
  return [
    `done in ${duration(seconds)}; best ${measureText(best.by, best.value)} after epoch ${best.epoch}`,
    ...learnedLines(best, untrainedTop1),
    `results ${shownPath(files.results)}`,
    `model   ${model}`,
  ];
}

/** What kNN accuracy means, and how much of it the run has brought. */
function learnedLines({ top1 }: DoneEvent['best'], untrained: number | undefined): string[] {
  if (top1 === undefined || untrained === undefined) return [];
  return [
    `kNN     ${percent(top1)} of the test pictures are told by the training pictures that the encoder takes for`,
    `        most alike, before training ${percent(untrained)}; it was trained without any label`,
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
      return this.#filling();
    }
    if (!this.#isFilling || event.queueFill < 1) return undefined;
    this.#isFilling = false;
    return `note: the queue is full of real keys (${epochTitle(event)}, step ${event.step})`;
  }

  #filling(): string {
    const { config, description } = this.#start as StartEvent;
    const { m, batchSize, accumulate, epochs, views } = config;
    const all = config.steps ?? epochs * description.stepsPerEpoch;
    const teachers = views.filter(({ role }) => role !== 'student');
    const keys = teachers.reduce((sum, { count }) => sum + count, 0); // of each picture
    const steps = Math.ceil(m / (keys * batchSize * accumulate));
    const rises = 'the queue starts with random vectors, and the loss rises while real keys';
    return steps <= all
      ? `note: ${rises} replace them, for the first ${count(steps, 'step')}`
      : `note: ${rises} replace them; that takes ${count(steps, 'step')}, more than this run has (a smaller m fills earlier)`;
  }
}
