// What a training run has reached, as Markdown, and how long all of it would take.
import { median } from '../harness.mjs';
import { table } from './markdown.mjs';

/** @param events of `moco train --json`, of a run and of all its continuations */
export function trainingTables(events) {
  const of = (type) => events.filter((event) => event.type === type);
  // An epoch that was gone on in comes again.
  const epochs = [...new Map(of('epoch').map((event) => [event.epoch, event])).values()];
  const evaluations = new Map(of('evaluation').map((event) => [event.epoch, event]));
  const { config, description } = of('start').at(-1);
  const rows = epochs.map((event) => row(event, evaluations.get(event.epoch)));
  return [
    '# Training\n',
    `${reached(config, epochs, [...evaluations.values()], of('start').length - 1)}\n`,
    `${expected(config, epochs, [...evaluations.values()])}\n`,
    `${description.deviceName}, ${description.precision}, ${JSON.stringify(config)}\n`,
    table(['epoch', 's', 'pictures/s', 'loss', 'kNN top-1', 'kNN top-5', 'kNN s'], rows),
    '',
  ].join('\n');
}

function reached({ epochs: all, dataset }, epochs, evaluations, timesGoneOn) {
  const best = evaluations.at(-1)?.best;
  return (
    `${dataset}: ${epochs.length} of ${all} epochs, ${timesGoneOn} times gone on; training ` +
    `${sum(epochs).toFixed(0)} s, kNN ${sum(evaluations).toFixed(0)} s; best kNN top-1 ` +
    `${best ? `${best.top1} % after epoch ${best.epoch}` : 'not measured'}.`
  );
}

/** By the medians, since libraries choose their algorithms in the first epoch. */
function expected({ epochs: all, evalEvery }, epochs, evaluations) {
  if (epochs.length === 0) return 'No epoch has ended.';
  const seconds = median(epochs.map((event) => event.seconds));
  const evaluation = evaluations.length > 0 ? median(evaluations.map((each) => each.seconds)) : 0;
  const whole = all * seconds + (all / evalEvery) * evaluation;
  return (
    `By the medians so far, ${seconds.toFixed(2)} s an epoch and ${evaluation.toFixed(2)} s a kNN, all ${all} ` +
    `epochs would take ${(whole / 60).toFixed(1)} minutes (extrapolated, without what is written).`
  );
}

function row({ epoch, seconds, picturesPerSecond, loss }, evaluation) {
  const knn = evaluation
    ? [evaluation.top1, evaluation.top5, evaluation.seconds].map((number) => number.toFixed(2))
    : ['–', '–', '–'];
  return [epoch, seconds.toFixed(2), picturesPerSecond.toFixed(0), loss.toFixed(4), ...knn];
}

function sum(events) {
  return events.reduce((total, { seconds }) => total + seconds, 0);
}
