import assert from 'node:assert/strict';
import { test } from 'node:test';
import { labelledSplits, leftOut } from '#moco/evaluate/labelledSplits.js';

/** A split with these labels. */
const split = (...labels: number[]) => ({
  pixels: new Uint8Array(3 * labels.length),
  labels: Int32Array.from(labels),
  count: labels.length,
  height: 1,
  width: 1,
});

test('an encoder is measured on what has labels, and what has none is told of', () => {
  const all = { train: split(0, -1, 1, 0), test: split(-1, -1, 1) };
  const labelled = labelledSplits(all, 2);
  assert.deepEqual([...labelled.train.labels], [0, 1, 0]);
  assert.deepEqual([...labelled.test.labels], [1]);
  assert.deepEqual(leftOut(all, labelled), [
    '1 of 4 training pictures have no label, and are left out',
    '2 of 3 test pictures have no label, and are left out',
  ]);
  const whole = { train: split(0, 1), test: split(1) };
  assert.deepEqual(leftOut(whole, labelledSplits(whole, 0)), []);
});

test('without labels, nothing can be measured', () => {
  const refused = (all: Parameters<typeof labelledSplits>[0], heldOut: number, message: string) =>
    assert.throws(() => labelledSplits(all, heldOut), { code: 'ERR_MOCO_CONFIG', message });
  refused({ train: split(-1, -1), test: split(0) }, 0, 'the training pictures have no labels');
  refused({ train: split(0), test: split(-1) }, 0, 'the test pictures have no labels');
  refused(
    { train: split(0, 1, -1), test: split(0) },
    2,
    'only 2 training pictures have a label, and 2 are to be held out',
  );
});
