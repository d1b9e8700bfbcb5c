import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StallWatch } from '#moco/download/stallWatch.js';

test('a signal that was aborted before ends the connection at once', () => {
  const watch = new StallWatch(60_000, AbortSignal.abort());
  assert.equal(watch.signal.aborted, true);
  assert.equal(watch.stalled, undefined);
  watch.stop();
});
