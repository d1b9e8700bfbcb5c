import assert from 'node:assert/strict';
import { test } from 'node:test';
import { epochsFor, isCut, stepsOfEpoch, totalSteps } from '#moco/train/runLength.js';

test('without a number of steps, a run has whole epochs', () => {
  const length = { epochs: 3 };
  assert.equal(totalSteps(length, 4), 12);
  assert.deepEqual(
    [1, 2, 3].map((epoch) => stepsOfEpoch(epoch, length, 4)),
    [4, 4, 4],
  );
  assert.equal(isCut(length, 4), false);
});

test('steps are divided into epochs, the last of which may be cut', () => {
  assert.deepEqual(
    [1, 4, 5, 8, 9].map((steps) => epochsFor(steps, 4)),
    [1, 1, 2, 2, 3],
  );
  const length = { epochs: epochsFor(10, 4), steps: 10 };
  assert.deepEqual(
    [1, 2, 3].map((epoch) => stepsOfEpoch(epoch, length, 4)),
    [4, 4, 2],
  );
  assert.equal(isCut(length, 4), true);
  assert.equal(isCut({ epochs: 2, steps: 8 }, 4), false);
});
