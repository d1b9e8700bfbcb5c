import assert from 'node:assert/strict';
import { test } from 'node:test';
import { duration, secondsOf } from '#moco/config/duration.js';

test('a duration is a number with its unit', () => {
  assert.deepEqual(
    ['300s', '90m', '8h', '1.5h', '2d'].map(secondsOf),
    [300, 5400, 28_800, 5400, 172_800],
  );
});

test('anything else is none', () => {
  for (const text of ['', '90', 'm', '1h30m', '-1h', '0s', '0.5s', '1e3s', '1 h']) {
    assert.equal(duration.safeParse(text).success, false, text);
  }
});
