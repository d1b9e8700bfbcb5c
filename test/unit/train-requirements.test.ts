import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseTrainConfig } from '#moco/config/resolve.js';
import { requirePictures } from '#moco/train/createTrainer.js';
import { TimeLeft } from '#moco/train/timeLeft.js';

test('batch and k must not be larger than the data set that was found', () => {
  const config = parseTrainConfig({ batchSize: 256, k: 300 });
  requirePictures(config, 300);
  assert.throws(() => requirePictures(config, 299), {
    code: 'ERR_MOCO_CONFIG',
    message:
      'the configuration has a problem:\n' +
      '  k: expected at most 299, the number of training pictures, given 300',
  });
  assert.throws(() => requirePictures(config, 100), /has 2 problems:\n {2}batchSize.*\n {2}k/);
});

test('the time left is that of the remaining steps, without the slow first one', () => {
  const left = new TimeLeft(2, 5);
  left.stepTook(90);
  assert.equal(left.seconds, 9 * 90);
  left.stepTook(2);
  assert.equal(left.seconds, 8 * 2);
  left.stepTook(4);
  assert.equal(left.seconds, 7 * 3);
});

test('the time left counts evaluations as soon as one was seen', () => {
  const left = new TimeLeft(3, 1);
  left.stepTook(2);
  left.evaluationTook(10);
  assert.equal(left.seconds, 2 * 2 + 2 * 10);
});
