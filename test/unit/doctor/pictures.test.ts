import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import sharp from 'sharp';
import { packedDataSets, pictureDecoder } from '#moco/doctor/pictures.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

test('what decodes folders of pictures is named with its version', async () => {
  const { state, message } = await pictureDecoder();
  assert.deepEqual([state, message], ['good', `decoded by sharp ${sharp.versions.sharp}`]);
});

test('data sets that are packed first are found by their folders', async (t) => {
  const dataRoot = temporaryFolder(t);
  assert.deepEqual(
    (await packedDataSets(dataRoot)).map(({ subject, state }) => [subject, state]),
    [
      ['stl10', 'note'],
      ['tiny-imagenet', 'note'],
    ],
  );
  await mkdir(join(dataRoot, 'tiny-imagenet-200'));
  const [, tiny] = await packedDataSets(dataRoot);
  assert.deepEqual([tiny?.state, tiny?.message], ['good', `in ${dataRoot}`]);
});
