import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pictures, PicturesInMemory } from '#moco/data/dataset.js';
import { holdOut } from '#moco/data/holdOut.js';

/** Training pictures of one pixel, whose bytes and label tell their number. */
function dataset(count: number): { train: Pictures } {
  const labels = Int32Array.from({ length: count }, (_, index) => index);
  const pixels = Uint8Array.from({ length: 3 * count }, (_, index) => Math.floor(index / 3));
  return { train: { pixels, labels, count, height: 1, width: 1 } };
}

const labels = (pictures: Pictures | undefined) => [...(pictures?.labels ?? [])];

test('every picture is on one side, in the order of the data set', () => {
  const { train, validation } = holdOut(dataset(100), 30, 0);
  assert.deepEqual([train.count, validation?.count], [70, 30]);
  const ascending = (numbers: number[]) => numbers.toSorted((a, b) => a - b);
  for (const side of [train, validation]) assert.deepEqual(labels(side), ascending(labels(side)));
  const all = ascending([...labels(train), ...labels(validation)]);
  assert.deepEqual(all, labels(dataset(100).train));
});

test('pixels go with their labels', () => {
  const { train, validation } = holdOut(dataset(50), 20, 3);
  for (const side of [train, validation as Pictures]) {
    const expected = labels(side).flatMap((label) => [label, label, label]);
    assert.deepEqual([...(side as PicturesInMemory).pixels], expected);
  }
});

test('the seed decides which pictures are held out', () => {
  const drawn = (seed: number) => labels(holdOut(dataset(100), 10, seed).validation);
  assert.deepEqual(drawn(1), drawn(1));
  assert.notDeepEqual(drawn(1), drawn(2));
  assert.deepEqual(drawn(0), [9, 10, 16, 57, 62, 73, 78, 92, 93, 98]);
});

test('of more pictures, those held out first stay held out', () => {
  const [few, more] = [10, 40].map((count) => labels(holdOut(dataset(100), count, 4).validation));
  assert.ok(few?.every((label) => more?.includes(label)));
});

test('where none are asked for, the training pictures are as they were', () => {
  const { train } = dataset(5);
  assert.deepEqual(holdOut({ train }, 0, 0), { train, validation: undefined });
});

test('of pictures in a file, other rows are taken', () => {
  const { train } = dataset(50);
  const rows = Uint32Array.from({ length: 50 }, (_, index) => 1000 - index);
  const pixels = { path: 'pictures.moco', offset: 4096, pictures: 1001, rows };
  const held = holdOut({ train: { ...train, pixels } }, 20, 3);
  for (const side of [held.train, held.validation as Pictures]) {
    const expected = Uint32Array.from(side.labels, (label) => 1000 - label);
    assert.deepEqual(side.pixels, { ...pixels, rows: expected });
  }
});
