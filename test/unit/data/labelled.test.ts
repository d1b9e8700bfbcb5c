import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasLabels, labelledPictures } from '#moco/data/labelled.js';

const pictures = (labels: number[]) => ({
  pixels: Uint8Array.from({ length: 3 * labels.length }, (_, byte) => byte),
  labels: Int32Array.from(labels),
  count: labels.length,
  height: 1,
  width: 1,
});

test('where all pictures have a label, all are taken as they are', () => {
  const all = pictures([0, 300, 1]);
  assert.equal(labelledPictures(all), all);
  assert.equal(hasLabels(all), true);
});

test('pictures without label are left out, the others keep their order', () => {
  const { pixels, labels, count } = labelledPictures(pictures([-1, 7, -1, 0]));
  assert.deepEqual([...labels], [7, 0]);
  assert.deepEqual([...(pixels as Uint8Array)], [3, 4, 5, 9, 10, 11]);
  assert.equal(count, 2);
});

test('of pictures in a file, other rows are taken', () => {
  const file = { path: 'p.moco', offset: 64, pictures: 9, rows: Uint32Array.of(2, 4, 8) };
  const { pixels, count } = labelledPictures({ ...pictures([3, -1, 1]), pixels: file });
  assert.deepEqual(pixels, { ...file, rows: Uint32Array.of(2, 8) });
  assert.equal(count, 2);
});

test('without any label, nothing is left', () => {
  assert.equal(labelledPictures(pictures([-1, -1])).count, 0);
  assert.equal(hasLabels(pictures([-1, -1])), false);
});
