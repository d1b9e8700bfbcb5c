import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { NativeFoundRows, NativeSearch } from '#moco/native/searcher.js';
import { SearchQueue } from '#moco/search/searchQueue.js';
import { addonError } from '../../support/addonError.js';

/** A searcher whose passes the test ends, in their order. The row that a query finds is its number. */
class SearcherDouble {
  readonly passes: {
    readonly queries: readonly number[];
    readonly k: number;
    isCancelled: boolean;
    readonly end: (error?: Error) => Promise<void>;
  }[] = [];

  search(queries: Float32Array, k: number): NativeSearch<NativeFoundRows> {
    const { promise, resolve, reject } = pending<NativeFoundRows>();
    const numbers = Array.from(queries);
    const rows = Uint32Array.from(numbers.flatMap((number) => Array<number>(k).fill(number)));
    const pass = {
      ...{ queries: numbers, k, isCancelled: false },
      end: async (error?: Error) => {
        if (error) reject(error);
        else resolve({ k, rows, similarities: Float32Array.from(rows, (row) => -row) });
        await setImmediate();
      },
    };
    this.passes.push(pass);
    const cancel = () => {
      pass.isCancelled = true;
    };
    return { result: promise, cancel };
  }
}

function pending<Value>() {
  let resolve!: (value: Value) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<Value>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

function queueOn(size = 1000) {
  const native = new SearcherDouble();
  return { native, queue: new SearchQueue(native, size, 1) };
}

const numbers = (first: number, count: number) =>
  Float32Array.from({ length: count }, (_, at) => first + at);

test('searches that wait together go through the rows together, and each gets its own rows', async () => {
  const { native, queue } = queueOn();
  const first = queue.search(numbers(1, 1), 2);
  const others = [queue.search(numbers(10, 2), 2), queue.search(numbers(20, 1), 2)];
  assert.equal(native.passes.length, 1);
  await native.passes[0]?.end();
  assert.deepEqual(native.passes[1]?.queries, [10, 11, 20]);
  await native.passes[1]?.end();
  assert.deepEqual(await first, {
    ...{ k: 2, rows: Uint32Array.of(1, 1), similarities: Float32Array.of(-1, -1) },
  });
  const found = await Promise.all(others);
  assert.deepEqual(
    found.map(({ rows }) => [...rows]),
    [
      [10, 10, 11, 11],
      [20, 20],
    ],
  );
});

test('those that ask for another number of neighbours wait for the next pass', async () => {
  const { native, queue } = queueOn();
  const searches = [1, 2, 3].map((number) =>
    queue.search(numbers(number, 1), number === 2 ? 7 : 5),
  );
  await native.passes[0]?.end();
  assert.deepEqual([native.passes[1]?.queries, native.passes[1]?.k], [[2], 7]);
  await native.passes[1]?.end();
  assert.deepEqual([native.passes[2]?.queries, native.passes[2]?.k], [[3], 5]);
  await native.passes[2]?.end();
  await Promise.all(searches);
});

test('no more neighbours are asked for than there are rows', async () => {
  const { native, queue } = queueOn(3);
  const search = queue.search(numbers(1, 1), 10);
  assert.equal(native.passes[0]?.k, 3);
  await native.passes[0]?.end();
  assert.equal((await search).k, 3);
});

test('a long search lets others through between its parts', async () => {
  const { native, queue } = queueOn();
  const long = queue.search(numbers(0, 700), 1);
  const short = queue.search(numbers(900, 1), 1);
  await native.passes[0]?.end();
  await native.passes[1]?.end();
  assert.deepEqual(native.passes[2]?.queries.slice(0, 2), [900, 512]);
  await native.passes[2]?.end();
  assert.deepEqual([...(await short).rows], [900]);
  assert.deepEqual(
    native.passes.map(({ queries }) => queries.length),
    [256, 256, 189],
  );
  assert.deepEqual([...(await long).rows], [...numbers(0, 700)]);
});

test('a signal ends a search at once, and no other that goes with it', async () => {
  const { native, queue } = queueOn();
  const stop = new AbortController();
  const running = queue.search(numbers(1, 1), 1, stop.signal);
  const waiting = queue.search(numbers(2, 1), 1, stop.signal);
  const other = queue.search(numbers(3, 1), 1);
  stop.abort('enough');
  const aborted = { code: 'ERR_MOCO_ABORTED', cause: 'enough' };
  await assert.rejects(running, aborted);
  await assert.rejects(waiting, aborted);
  assert.ok(native.passes[0]?.isCancelled);
  await native.passes[0]?.end(addonError('ERR_MOCO_ABORTED', 'stopped'));
  assert.deepEqual(native.passes[1]?.queries, [3]);
  await native.passes[1]?.end();
  assert.deepEqual([...(await other).rows], [3]);
});

test('a pass goes on as long as somebody waits for it', async () => {
  const { native, queue } = queueOn();
  const first = queue.search(numbers(0, 1), 1);
  const stops = [new AbortController(), new AbortController()];
  const two = stops.map(({ signal }, at) => queue.search(numbers(at + 1, 1), 1, signal));
  await native.passes[0]?.end();
  await first;
  stops[0]?.abort();
  await assert.rejects(two[0] as Promise<unknown>, { code: 'ERR_MOCO_ABORTED' });
  assert.equal(native.passes[1]?.isCancelled, false);
  await native.passes[1]?.end();
  assert.deepEqual([...((await two[1]) as NativeFoundRows).rows], [2]);
});

test('what fails fails for those in the pass, and the next ones are asked', async () => {
  const { native, queue } = queueOn();
  const long = assert.rejects(queue.search(numbers(0, 300), 1), { code: 'ERR_MOCO_DATA' });
  const next = queue.search(numbers(7, 1), 2);
  await native.passes[0]?.end(addonError('ERR_MOCO_DATA', 'the file was changed'));
  await long;
  assert.deepEqual(native.passes[1]?.queries, [7]);
  await native.passes[1]?.end();
  assert.deepEqual([...(await next).rows], [7, 7]);
  assert.equal(native.passes.length, 2);
});
