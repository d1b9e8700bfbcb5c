import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Places } from '#moco/embed/places.js';

const NEVER = new AbortController().signal;

/** Writes down when a place is there. */
function taker(places: Places) {
  const log: string[] = [];
  const take = async (name: string, count: number, signal = NEVER) => {
    const place = await places.take(count, signal);
    log.push(name);
    return place;
  };
  return { log, take };
}

test('places are given in the order in which they are asked for, never more than there are', async () => {
  const places = new Places(4);
  const { log, take } = taker(places);
  const first = await take('first', 3);
  const large = take('large', 3);
  const small = take('small', 1); // it would fit, and is not let in before the other
  await nextTurn();
  assert.deepEqual(log, ['first']);
  assert.equal(places.taken, 3);
  assert.equal(places.waitedFor, 4);
  first[Symbol.dispose]();
  await Promise.all([large, small]);
  assert.deepEqual(log, ['first', 'large', 'small']);
  assert.equal(places.taken, 4);
});

test('who asks for more than there are gets them all, alone', async () => {
  const places = new Places(2);
  const { log, take } = taker(places);
  const one = await take('one', 1);
  const many = take('many', 100);
  const after = take('after', 1);
  await nextTurn();
  assert.deepEqual(log, ['one']);
  one[Symbol.dispose]();
  const all = await many;
  await nextTurn();
  assert.deepEqual(log, ['one', 'many']);
  all[Symbol.dispose]();
  all[Symbol.dispose](); // which gives nothing back a second time
  await after;
  assert.equal(places.taken, 1);
});

test('who gives up waiting leaves at once, and those behind move up', async () => {
  const places = new Places(3);
  const { log, take } = taker(places);
  const held = await take('held', 2);
  const controller = new AbortController();
  const given = take('given up', 2, controller.signal);
  const behind = take('behind', 1);
  controller.abort(new Error('enough'));
  await assert.rejects(given, { message: 'enough' });
  await behind;
  assert.deepEqual(log, ['held', 'behind']);
  await assert.rejects(take('too late', 1, controller.signal), { message: 'enough' });
  held[Symbol.dispose]();
  assert.equal(places.taken, 1);
  assert.equal(places.waitedFor, 0);
});
