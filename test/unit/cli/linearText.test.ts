import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LinearText } from '#moco/cli/linearText.js';
import { type LinearConfigInput, linearCommand } from '#moco/config/linearConfig.js';
import { parseConfig } from '#moco/config/resolve.js';
import type {
  LinearEpochEvent,
  LinearEvaluationEvent,
  LinearEvent,
  LinearProbe,
} from '#moco/evaluate/linearEvents.js';
import { evaluatorOn, NativeEvaluatorDouble } from '../../support/evaluatorDouble.js';

const descriptionOf = (validationPictures = 0) =>
  evaluatorOn(new NativeEvaluatorDouble(), { validationPictures }).description;

/** The lines that a linear evaluation starts with, after those of machine, data and model. */
function linearHeader(input: LinearConfigInput, validationPictures = 0): readonly string[] {
  const config = parseConfig(linearCommand, input);
  const table = 'results/table.csv';
  const description = { ...descriptionOf(validationPictures), stepsPerEpoch: 4, table };
  const { lines = [] } = new LinearText().textOf({ type: 'start', config, description });
  return lines.slice(3);
}

test('linear says by which rules it trains and chooses', () => {
  assert.deepEqual(linearHeader({}), [
    'data    shapes: 60 training and 8 test pictures, 3 classes',
    'model   model.pth',
    '        resnet18, stem cifar',
    'linear  a classifier on frozen features; learning rate 0.001, weight decay 0.000001',
    "        BatchNorm: each batch's statistics, and the model's move, as in the reference",
    '        the best epoch is chosen on the test pictures, as in the reference',
    'run     100 epochs of 4 steps with 256 pictures',
    'output  results/table.csv',
  ]);
  const changed = linearHeader({ frozenBn: true, validation: 6 }, 6);
  assert.equal(
    changed[0],
    'data    shapes: 60 training, 6 validation and 8 test pictures, 3 classes',
  );
  assert.deepEqual(changed.slice(4, 6), [
    "        BatchNorm: the model's statistics, as in official MoCo",
    '        the best epoch is chosen on the 6 validation pictures',
  ]);
});

const place = { epoch: 3, epochs: 50 };
const epoch: LinearEpochEvent = {
  ...{ type: 'epoch', ...place, loss: 1.23456, top1: 55.5, top5: 95 },
  ...{ picturesPerSecond: 511.6, secondsLeft: 7980, seconds: 83 },
};

/** What is printed last of these events. */
function lastOf(...events: LinearEvent[]) {
  const text = new LinearText();
  return events.map((event) => text.textOf(event)).at(-1);
}

test('a step shows its loss, rate and the time left', () => {
  const step = { ...place, step: 2, stepsPerEpoch: 4, loss: 2.5, secondsLeft: 61 };
  assert.deepEqual(lastOf({ type: 'step', ...step, picturesPerSecond: 512 }), {
    progress: {
      title: 'epoch  3/50',
      step: 2,
      stepsPerEpoch: 4,
      metrics: 'loss 2.5000  512 pictures/s  1 min 1 s left',
    },
  });
});

test("an epoch's line ends with its accuracy, and says where it is the best so far", () => {
  const trained = 'epoch  3/50  loss 1.2346  training top-1 55.50 %  512 pictures/s (1 min 23 s)';
  assert.deepEqual(lastOf(epoch), { live: `${trained}  evaluating …` });
  const test = { loss: 1, top1: 60.125, top5: 99 };
  const best = { epoch: 3, test, validation: undefined };
  const evaluation: LinearEvaluationEvent = {
    ...{
      type: 'evaluation',
      ...place,
      test,
      validation: undefined,
      isBest: true,
      best,
      seconds: 1,
    },
  };
  const line = `${trained}  test top-1 60.13 %, top-5 99.00 % (best)`;
  assert.deepEqual(lastOf(epoch, evaluation), { lines: [line] });
  const validation = { loss: 1, top1: 61, top5: 98 };
  const chosen = `${trained}  validation top-1 61.00 % (best)  test top-1 60.13 %, top-5 99.00 %`;
  assert.deepEqual(lastOf(epoch, { ...evaluation, validation }), { lines: [chosen] });
});

test('the end says what the best epoch was chosen by', () => {
  const best = { epoch: 93, test: { loss: 1, top1: 86.3, top5: 99.6 }, validation: undefined };
  const files = { statistics: 's.csv', model: 'm.pth', lastModel: 'l.pth' };
  assert.deepEqual(
    lastOf({ type: 'done', epochs: 100, best, chosenBy: 'test', seconds: 200, files })?.lines,
    [
      'done in 3 min 20 s; best epoch 93, chosen on the test pictures: test top-1 86.30 %, top-5 99.60 %',
      'results s.csv',
      'model   m.pth (best), l.pth',
    ],
  );
});

test("cached shows every learning rate, and says that it is not the reference's protocol", () => {
  assert.deepEqual(linearHeader({ cached: true }, 6).slice(3), [
    "cached  features are computed once: for monitoring, not the reference's protocol",
    '        7 learning rates, weight decay 0.000001',
    'run     100 epochs of 4 steps with 256 pictures',
    'output  results/table.csv',
  ]);
  const probe = (learningRate: number, top1: number): LinearProbe => {
    const metrics = { loss: 1, top1, top5: 99 };
    const test = { ...metrics, top1: top1 - 1 };
    return { learningRate, train: { ...metrics, top1: top1 + 1 }, validation: metrics, test };
  };
  const probes = [probe(0.0001, 8), probe(0.003, 60)];
  const chosen = probes[1] as LinearProbe;
  const sweep = lastOf({ type: 'sweep', probes, chosen, seconds: 7, table: 't.csv' });
  assert.deepEqual(sweep?.lines, [
    '',
    'learning rate   training top-1   validation top-1   test top-1',
    '0.0001                  9.00 %             8.00 %       7.00 %',
    '0.003                  61.00 %            60.00 %      59.00 %',
    '',
    'done in 7 s; learning rate 0.003, chosen on the validation pictures: test top-1 59.00 %, top-5 99.00 %',
    "not the reference's protocol: for monitoring",
    'results t.csv',
  ]);
});
