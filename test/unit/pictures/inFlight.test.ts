import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eachOf, inOrder } from '#moco/pictures/inFlight.js';

/** Work that takes some time, and counts how many are at it. */
function counted() {
  const state = { now: 0, most: 0, weight: 0, heaviest: 0 };
  const work = async (number: number) => {
    state.now += 1;
    state.weight += number;
    state.most = Math.max(state.most, state.now);
    state.heaviest = Math.max(state.heaviest, state.weight);
    await sleep((number * 7) % 5);
    state.now -= 1;
    state.weight -= number;
    return 10 * number;
  };
  return { state, work };
}

async function all<T>(generator: AsyncGenerator<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of generator) items.push(item);
  return items;
}

test('results come in order, and at most so many are begun', async () => {
  const { state, work } = counted();
  const numbers = Array.from({ length: 30 }, (_, index) => index + 3);
  const limit = { items: 4, weight: Infinity };
  const results = await all(inOrder([3, 33], limit, () => 1, work));
  assert.deepEqual(
    results,
    numbers.map((number) => 10 * number),
  );
  assert.ok(state.most <= 4 && state.most > 1, `${state.most}`);
});

test('what is begun weighs at most so much, but for one alone', async () => {
  const { state, work } = counted();
  const limit = { items: 100, weight: 12 };
  await all(inOrder([1, 20], limit, (number) => number, work));
  assert.ok(state.heaviest <= 19, `${state.heaviest}`);
});

test('a failure is thrown in its turn, and what was begun has ended by then', async () => {
  const { state, work } = counted();
  const failing = async (number: number) => {
    const result = await work(number);
    if (number === 5) throw new Error('five');
    return result;
  };
  const seen: number[] = [];
  const reading = async () => {
    const limit = { items: 4, weight: Infinity };
    for await (const item of inOrder([0, 20], limit, () => 1, failing)) seen.push(item);
  };
  await assert.rejects(reading(), /five/);
  assert.deepEqual(seen, [0, 10, 20, 30, 40]);
  assert.equal(state.now, 0);
});

test('a consumer that ends early waits for what was begun', async () => {
  const { state, work } = counted();
  const limit = { items: 8, weight: Infinity };
  for await (const _ of inOrder([0, 100], limit, () => 1, work)) break;
  assert.equal(state.now, 0);
});

test('each item is worked on, and the results are in the order of the items', async () => {
  const { state, work } = counted();
  assert.deepEqual(await eachOf([4, 1, 3], 2, work), [40, 10, 30]);
  assert.equal(state.most, 2);
  assert.deepEqual(await eachOf([], 2, work), []);
});
