import assert from 'node:assert/strict';
import { test } from 'node:test';
import { copiedQueries, requireComparable } from '#moco/search/queries.js';

test('queries are copied at the call, from shared memory, too', () => {
  const shared = new Float32Array(new SharedArrayBuffer(16)).fill(1);
  const copy = copiedQueries(shared, 2);
  shared.fill(2);
  assert.deepEqual(copy, Float32Array.of(1, 1, 1, 1));
  assert.ok(copy.buffer instanceof ArrayBuffer);
});

test('what is no whole number of vectors is refused, a detached array among it', () => {
  const detached = new Float32Array(4);
  structuredClone(detached, { transfer: [detached.buffer] });
  for (const query of [new Float32Array(3), new Float32Array(0), detached]) {
    assert.throws(() => copiedQueries(query, 2), { code: 'ERR_MOCO_CONFIG', message: /^query: / });
  }
});

test('a query with a number that is not finite, or too large, is refused by its number', async () => {
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, -1e30]) {
    const queries = Float32Array.of(0, 1, 1, bad);
    await assert.rejects(requireComparable(queries, 2, undefined), {
      ...{ code: 'ERR_MOCO_NON_FINITE', message: /^query 1 has a number/ },
    });
  }
  await requireComparable(Float32Array.of(0, 0, 1e17, 1), 2, undefined);
});

test('looking at many queries lets others have a turn, and ends with the signal', async () => {
  const stop = new AbortController();
  const looking = requireComparable(new Float32Array(4_000_000), 2, stop.signal);
  setImmediate(() => stop.abort());
  await assert.rejects(looking, { code: 'ERR_MOCO_ABORTED' });
});
