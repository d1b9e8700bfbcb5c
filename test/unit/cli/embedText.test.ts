import assert from 'node:assert/strict';
import { test } from 'node:test';
import { embedHeader, embedReport } from '#moco/cli/embedText.js';
import { embedCommand } from '#moco/config/embedConfig.js';
import { parseConfig } from '#moco/config/resolve.js';
import type { EmbedResult } from '#moco/embed/embedEvents.js';
import { encoderOn } from '../../support/encoderDouble.js';

const { description } = encoderOn();

test('the header says with which model, where, and on what', () => {
  const config = parseConfig(embedCommand, {});
  const start = { type: 'start', config, description, places: ['a', 'b'], pictures: 7 } as const;
  assert.deepEqual(embedHeader({ ...start, done: 0 }), [
    'moco 0.0.0, LibTorch 2.13.0',
    'device  cpu (double), 1 compute thread',
    '        fp32: as asked',
    'model   model.pth',
    '        resnet18, stem cifar, pictures of 8 × 8',
    'data    a, b: 7 pictures',
  ]);
  const last = embedHeader({ ...start, done: 3 }).at(-1);
  assert.equal(last, '        goes on after 3, which are there already');
});

const result: EmbedResult = {
  ...{ files: ['f.npy', 'f.csv'], format: 'npy', dims: [9, 512], classes: [], broken: [] },
  description,
};

test('the report says what was written', () => {
  const line = 'wrote f.npy: 9 pictures, 512 numbers each, their names in f.csv';
  assert.deepEqual(embedReport(result), [line]);
  const alone = { ...result, files: ['f.csv'], dims: [1, 4] as const };
  assert.deepEqual(embedReport(alone), ['wrote f.csv: 1 picture, 4 numbers each']);
});

test('the report lists what is broken, up to twenty files, as nothing that a terminal interprets', () => {
  const one = [{ name: 'a\u001b[2J.png', reason: 'the file is empty' }];
  assert.deepEqual(embedReport({ ...result, broken: one }).slice(1), [
    '1 file could not be read and is left out',
    '  a\ufffd[2J.png: the file is empty',
  ]);
  const many = Array.from({ length: 25 }, (_, at) => ({ name: `${at}.png`, reason: 'damaged' }));
  const lines = embedReport({ ...result, broken: many });
  assert.equal(lines.length, 1 + 1 + 20 + 1);
  assert.equal(lines[1], '25 files could not be read and are left out');
  assert.equal(lines.at(-1), '  … and 5 more (--json lists all)');
});
