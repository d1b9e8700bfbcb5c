import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CollapseWatch } from '#moco/train/collapseWatch.js';
import type { StepRow } from '#moco/train/stepRows.js';

const row: StepRow = {
  ...{ step: 1, loss: 1, contrastiveAccuracy: 0, gradientNorm: 1, learningRate: 1, queueFill: 1 },
  ...{ seconds: 0.5, secondsWithoutCore: 0 },
};

const RECIPE = { m: 4096, temperature: 0.1 };
const KNOWN = { loss: 'info-nce', lossScale: 'none', negatives: 'queue' } as const;
const GUESSING = Math.log(1 + RECIPE.m);

/** What is said about steps with these losses. */
function said(losses: readonly number[], recipe = RECIPE, queueFill = 1): string[] {
  const watch = new CollapseWatch({ ...KNOWN, ...recipe });
  return losses.flatMap((loss) => watch.after({ ...row, loss, queueFill }) ?? []);
}

/** So many steps, in which the loss goes evenly from one value to another. */
function steps(count: number, from: number, to = from): number[] {
  return Array.from({ length: count }, (_, step) => from + ((to - from) * step) / count);
}

test('a loss that stays at guessing is told once, with what guessing gives', () => {
  const [message, ...more] = said(steps(2000, GUESSING));
  assert.match(message ?? '', /over 200 steps, the loss is 8\.318, .* ln\(1 \+ m\) = 8\.318/);
  assert.match(message ?? '', /training pictures are all alike/);
  assert.deepEqual(more, []);
});

/** Means over 20 steps each of ResNet-18s that ran with batch 16, m 128 and temperature 0.5. */
const REAL = {
  'one picture 2000 times':
    '4.6963 4.8423 4.8500 4.8517 4.8528 4.8589 4.8561 4.8514 4.8555 4.8517 4.8507 4.8523 4.8486 4.8482 4.8553',
  '2000 pictures of shapes':
    '4.6765 4.8226 4.8162 4.8120 4.8030 4.7673 4.7480 4.7906 4.7589 4.7352 4.7828 4.7576 4.7184 4.7575 4.7539',
};

test('the losses of a real run on a single picture are told, and those of one that learns are not', () => {
  const saidOf = (means: string) =>
    said(
      means.split(' ').flatMap((mean) => steps(20, Number(mean))),
      { m: 128, temperature: 0.5 },
    ).length;
  assert.equal(saidOf(REAL['one picture 2000 times']), 1);
  assert.equal(saidOf(REAL['2000 pictures of shapes']), 0);
});

test('a run that falls back to guessing after it has learned is told, too', () => {
  assert.equal(said([...steps(1000, 6, 4), ...steps(400, 8.32)]).length, 1);
});

test('a run that begins at guessing and then learns, even slowly, is not', () => {
  assert.deepEqual(said([...steps(100, GUESSING), ...steps(2000, GUESSING, 6.5)]), []);
  assert.deepEqual(said([...steps(100, GUESSING + 1), ...steps(2000, GUESSING - 0.2, 6)]), []);
});

test('a high temperature, at which the loss is always near guessing, is not collapse', () => {
  const recipe = { m: 128, temperature: 10 };
  // Queries that equal their keys, and are orthogonal to all others, have a loss of 4.766.
  assert.deepEqual(said(steps(1000, 4.86, 4.83), recipe), []);
  assert.equal(said(steps(1000, 4.8598), recipe).length, 1);
});

test('a tiny queue has a guess of its own', () => {
  const recipe = { m: 1, temperature: 0.5 };
  assert.deepEqual(said(steps(1000, 0.69, 0.5), recipe), []);
  assert.equal(said(steps(1000, Math.LN2), recipe).length, 1);
});

test('while random vectors are in the queue, the loss says nothing', () => {
  assert.deepEqual(said(steps(2000, GUESSING), RECIPE, 0.99), []);
});

test('nothing is said about losses and negatives of which the loss of guessing is another', () => {
  for (const other of [{ loss: 'dcl' }, { lossScale: '2T' }, { negatives: 'both' }] as const) {
    const watch = new CollapseWatch({ ...KNOWN, ...RECIPE, ...other });
    const losses = steps(2000, GUESSING);
    assert.ok(losses.every((loss) => watch.after({ ...row, loss }) === undefined));
  }
});
