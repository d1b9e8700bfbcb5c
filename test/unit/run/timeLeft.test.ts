import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TimeLeft } from '#moco/run/timeLeft.js';

test('the time left is that of the remaining steps, without the slow first one', () => {
  const left = new TimeLeft(10, 2);
  left.stepTook(90);
  assert.equal(left.seconds, 9 * 90);
  left.stepTook(2);
  assert.equal(left.seconds, 8 * 2);
  left.stepTook(4);
  assert.equal(left.seconds, 7 * 3);
});

test('the time left counts evaluations as soon as one was seen', () => {
  const left = new TimeLeft(3, 3);
  left.stepTook(2);
  left.evaluationTook(10);
  assert.equal(left.seconds, 2 * 2 + 2 * 10);
});
