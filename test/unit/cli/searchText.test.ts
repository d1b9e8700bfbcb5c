import assert from 'node:assert/strict';
import { test } from 'node:test';
import { duplicatesReport, searchReport } from '#moco/cli/searchText.js';
import type { DuplicatesResult, IndexDescription } from '#moco/index.js';

const index = {} as IndexDescription;

test('each picture has a table of its neighbours, with their classes where they have any', () => {
  const near = (label?: string) => [
    { name: 'a\u001b.jpg', label, similarity: 0.98765 },
    { name: 'long/b.jpg', label: undefined, similarity: 0.5 },
  ];
  const pictures = [
    { name: 'q.jpg', label: undefined, neighbours: near('cat') },
    { name: 'r.jpg', label: undefined, neighbours: near() },
  ];
  assert.deepEqual(searchReport({ pictures, page: 'p.html', index, notices: [] }), [
    'q.jpg',
    '   1  a\ufffd.jpg       cat   0.9877',
    '   2  long/b.jpg         0.5000',
    'r.jpg',
    '   1  a\ufffd.jpg       0.9877',
    '   2  long/b.jpg   0.5000',
    'wrote p.html',
  ]);
});

const pair = (first: number, second: number, similarity: number) =>
  ({ ids: [`${first}.jpg`, `${second}.jpg`], rows: [first, second], similarity }) as const;

test('each picture of a group stands with the one that it is most similar to', () => {
  const result: DuplicatesResult = {
    ...{ index, page: undefined, pairCount: 2, listedPairs: 2 },
    groups: [
      {
        ids: ['1.jpg', '2.jpg', '3.jpg'],
        rows: [1, 2, 3],
        pairs: [pair(2, 3, 1), pair(1, 2, 0.96)],
      },
    ],
  };
  assert.deepEqual(duplicatesReport(result), [
    '',
    '  1.jpg   0.9600   to 2.jpg',
    '  2.jpg   1.0000   to 3.jpg',
    '  3.jpg   1.0000   to 2.jpg',
    '3 pictures in 1 group, 2 pairs',
  ]);
});

test('of many groups some are listed; of none that is said', () => {
  const group = { ids: ['1.jpg', '2.jpg'], rows: [1, 2], pairs: [] };
  const rest = { index, page: undefined, pairCount: 60, listedPairs: 0 };
  const lines = duplicatesReport({ ...rest, groups: Array(60).fill(group) });
  assert.equal(lines.filter((line) => line === '  1.jpg').length, 50);
  assert.deepEqual(lines.slice(-2), [
    '… and 10 groups more (--json lists all)',
    '120 pictures in 60 groups, 60 pairs',
  ]);
  assert.deepEqual(duplicatesReport({ ...rest, groups: [] }), [
    'no picture is as similar to another',
  ]);
});
