import type {
  LinearDoneEvent,
  LinearEpochEvent,
  LinearEvaluationEvent,
  LinearEvent,
  LinearMetrics,
  LinearStartEvent,
  LinearStepEvent,
  LinearSweepEvent,
} from '../index.js';
import type { EventText, RunText, StepProgress } from './eventText.js';
import { evaluatorLines } from './headerText.js';
import { count, duration, percent, rate } from './quantities.js';
import { shownPath } from './shownPath.js';
import { tableLines } from './table.js';
import { epochTitle } from './trainText.js';

/** The text of a linear evaluation's events. */
export class LinearText implements RunText<LinearEvent> {
  #epoch: LinearEpochEvent | undefined;

  textOf(event: LinearEvent): EventText {
    switch (event.type) {
      case 'start':
        return { lines: event.config.cached ? cachedHeader(event) : header(event) };
      case 'step':
        return { progress: stepProgress(event) };
      case 'epoch':
        this.#epoch = event;
        return { live: epochLine(event) };
      case 'evaluation':
        return { lines: [epochLine(this.#epoch as LinearEpochEvent, event)] };
      case 'model':
        return {};
      case 'warning':
        return { warning: event.message };
      case 'sweep':
        return { lines: sweepLines(event) };
      case 'done':
        return { lines: footer(event) };
    }
  }
}

/** What is trained, by which rules, where it computes and where it writes. */
function header({ config, description }: LinearStartEvent): string[] {
  const { epochs, batchSize, learningRate, weightDecay, frozenBn } = config;
  const { stepsPerEpoch, table, dataset } = description;
  const heldOut = dataset.validationPictures;
  return [
    ...evaluatorLines(description),
    `linear  a classifier on frozen features; learning rate ${learningRate}, weight decay ${weightDecay}`,
    frozenBn
      ? "        BatchNorm: the model's statistics, as in official MoCo"
      : "        BatchNorm: each batch's statistics, and the model's move, as in the reference",
    heldOut > 0
      ? `        the best epoch is chosen on the ${heldOut} validation pictures`
      : '        the best epoch is chosen on the test pictures, as in the reference',
    `run     ${count(epochs, 'epoch')} of ${count(stepsPerEpoch, 'step')} with ${batchSize} pictures`,
    `output  ${shownPath(table)}`,
  ];
}

function cachedHeader({ config, description }: LinearStartEvent): string[] {
  const { epochs, batchSize, weightDecay, learningRates } = config;
  const { stepsPerEpoch, table } = description;
  return [
    ...evaluatorLines(description),
    "cached  features are computed once: for monitoring, not the reference's protocol",
    `        ${count(learningRates.length, 'learning rate')}, weight decay ${weightDecay}`,
    `run     ${count(epochs, 'epoch')} of ${count(stepsPerEpoch, 'step')} with ${batchSize} pictures`,
    `output  ${shownPath(table)}`,
  ];
}

function stepProgress(event: LinearStepEvent): StepProgress {
  const { step, stepsPerEpoch, loss, picturesPerSecond, secondsLeft } = event;
  const metrics = [
    `loss ${loss.toFixed(4)}`,
    rate(picturesPerSecond),
    `${duration(secondsLeft)} left`,
  ].join('  ');
  return { title: epochTitle(event), step, stepsPerEpoch, metrics };
}

/** An epoch's training and, as soon as it is known, how good its classifier is. */
function epochLine(epoch: LinearEpochEvent, evaluation?: LinearEvaluationEvent): string {
  return [
    epochTitle(epoch),
    `loss ${epoch.loss.toFixed(4)}`,
    `training top-1 ${percent(epoch.top1)}`,
    `${rate(epoch.picturesPerSecond)} (${duration(epoch.seconds)})`,
    ...(evaluation === undefined ? ['evaluating …'] : evaluated(evaluation)),
  ].join('  ');
}

function evaluated({ test, validation, isBest }: LinearEvaluationEvent): string[] {
  const best = isBest ? ' (best)' : '';
  if (validation === undefined) return [`test ${accuracies(test)}${best}`];
  return [`validation top-1 ${percent(validation.top1)}${best}`, `test ${accuracies(test)}`];
}

function footer({ best, chosenBy, files, seconds }: LinearDoneEvent): string[] {
  const result = `best epoch ${best.epoch}, chosen on the ${chosenBy} pictures`;
  return [
    `done in ${duration(seconds)}; ${result}: test ${accuracies(best.test)}`,
    `results ${shownPath(files.statistics)}`,
    `model   ${shownPath(files.model)} (best), ${shownPath(files.lastModel)}`,
  ];
}

function sweepLines({ probes, chosen, seconds, table }: LinearSweepEvent): string[] {
  const rows = probes.map(({ learningRate, train, validation, test }) => [
    String(learningRate),
    ...[train, validation, test].map(({ top1 }) => percent(top1)),
  ]);
  const head = ['learning rate', 'training top-1', 'validation top-1', 'test top-1'];
  const result = `learning rate ${chosen.learningRate}, chosen on the validation pictures`;
  return [
    '',
    ...tableLines([head, ...rows]),
    '',
    `done in ${duration(seconds)}; ${result}: test ${accuracies(chosen.test)}`,
    "not the reference's protocol: for monitoring",
    `results ${shownPath(table)}`,
  ];
}

function accuracies({ top1, top5 }: LinearMetrics): string {
  return `top-1 ${percent(top1)}, top-5 ${percent(top5)}`;
}
