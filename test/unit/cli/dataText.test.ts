import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkLines, packedLines, picturesLines } from '#moco/cli/dataText.js';
import type { PicturesSummary } from '#moco/index.js';

const SUMMARY: PicturesSummary = {
  paths: ['/photos.moco'],
  count: 100,
  splits: { train: 90, validation: 0, test: 10 },
  ...{ storedSize: 72, imageSize: 64 },
  formats: { jpeg: 98, png: 2 },
  width: { least: 32, median: 640, most: 4032 },
  height: { least: 30, median: 480, most: 3024 },
  ...{ enlarged: 3, labelsFrom: 'folders', splitFrom: 'fraction', unlabelled: 1 },
  labels: [
    { name: 'cat', count: 60 },
    { name: 'a very long name', count: 39 },
  ],
  mean: [0.5, 0.25, 0.125],
  std: [0.2, 0.3, 0.4],
  duplicates: { groups: 1, surplus: 2, alsoTrained: 1, examples: [['a.jpg', 'b\u001b[2J.jpg']] },
  broken: [{ name: 'c\n.jpg', reason: 'the file is empty' }],
  notices: ['1 of 100 pictures have no label'],
  fingerprint: 'abc',
};

test('what is in a packed file stands on a page', () => {
  assert.deepEqual(picturesLines(SUMMARY), [
    'pictures    100 in /photos.moco',
    'stored      72×72, for views of 64×64',
    'formats     jpeg 98, png 2',
    'sizes       32×30 to 4032×3024, median 640×480',
    'splits      train 90, test 10 (by fraction)',
    'labels      2 classes (from folders), 1 picture without',
    '  cat                60',
    '  a very long name   39',
    'mean        0.5000, 0.2500, 0.1250 (R, G, B; training pictures)',
    'deviation   0.2000, 0.3000, 0.4000',
    'duplicates  2 files, in 1 group; trained and measured on: 1',
    '  a.jpg = b\ufffd[2J.jpg',
    'fingerprint abc',
    'note: 1 of 100 pictures have no label',
    'note: smaller than 72, and enlarged: 3 pictures',
    'broken, and left out: 1',
    '  c\ufffd.jpg: the file is empty',
  ]);
});

test('of very many classes and broken files the first are listed', () => {
  const many = Array.from({ length: 25 }, (_, at) => ({ name: `${at}`, count: 1, reason: 'r' }));
  const lines = picturesLines({ ...SUMMARY, labels: many, broken: many });
  assert.equal(lines.filter((line) => line.includes('… and 5 more (--json)')).length, 2);
});

test('what was packed is a line, and what should be known of it', () => {
  const whole = { ...SUMMARY, enlarged: 0, broken: [], notices: [] };
  assert.deepEqual(packedLines(whole), ['/photos.moco: 100 pictures of 72×72']);
  assert.equal(packedLines(SUMMARY).length, 5);
});

test('a check names the pictures of damaged blocks', () => {
  const found = { path: '/a.moco', count: 5, blocks: 2 };
  assert.deepEqual(checkLines({ ...found, intact: true, damaged: [] }), [
    '/a.moco: 5 pictures in 2 blocks, every checksum is right',
  ]);
  const damaged = [{ first: 4, end: 5, names: ['e.png'] }];
  assert.deepEqual(checkLines({ ...found, intact: false, damaged }), [
    '/a.moco: 5 pictures in 2 blocks, 1 of them damaged:',
    '  picture 4: e.png',
    'Take another copy of it, or pack the folder again.',
  ]);
});

test('where most pictures are enlarged, a size that suits them is named', () => {
  const noteOf = (others: Partial<PicturesSummary>) =>
    packedLines({ ...SUMMARY, ...others }).find((line) => line.includes('enlarged'));
  const sides = (median: number) => ({ least: median, median, most: median });
  const small = { enlarged: 80, width: sides(32), height: sides(40) };
  const note = 'note: smaller than 72, and enlarged: 80 pictures';
  assert.equal(noteOf(small), `${note}; --image-size 32 suits most of them, and is faster`);
  assert.equal(
    noteOf({ ...small, width: sides(60), height: sides(60) }),
    `${note}; --image-size 48 suits most of them, and is faster`,
  );
  assert.equal(noteOf({ ...small, imageSize: 32 }), note);
});
