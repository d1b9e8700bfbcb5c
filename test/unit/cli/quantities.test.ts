import assert from 'node:assert/strict';
import { test } from 'node:test';
import { duration } from '#moco/cli/quantities.js';

test('durations are in the two units that matter', () => {
  const texts = [0.4, 59.4, 59.6, 3599, 3600, 7265].map(duration);
  assert.deepEqual(texts, ['0 s', '59 s', '1 min 0 s', '59 min 59 s', '1 h 0 min', '2 h 1 min']);
});
