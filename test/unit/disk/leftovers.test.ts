import assert from 'node:assert/strict';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { removeLeftovers } from '#moco/disk/leftovers.js';
import { writeFiles } from '../../support/pictureFolder.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

const folder = temporaryFolder();

test('temporary files of those names alone go, and a folder that is called like one stays', async () => {
  await writeFiles(folder, {
    ...{ '.ours.0123abcd.tmp': '', '.theirs.0123abcd.tmp': '', '.ours.tmp': '', ours: '' },
  });
  await mkdir(join(folder, '.ours.4567abcd.tmp'));
  await removeLeftovers(folder, (name) => name === 'ours');
  assert.deepEqual((await readdir(folder)).sort(), [
    ...['.ours.4567abcd.tmp', '.ours.tmp', '.theirs.0123abcd.tmp', 'ours'],
  ]);
});

test('where there is no folder, nothing is left over', async () => {
  await removeLeftovers(join(folder, 'missing'), () => true);
});
