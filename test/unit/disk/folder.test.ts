import assert from 'node:assert/strict';
import { mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { makeFolder } from '#moco/disk/folder.js';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'moco-folder-'));
});
after(async () => {
  await rm(folder, { recursive: true });
});

test('folders that are missing are made, and one that is there is kept', async () => {
  const path = join(folder, 'a/b/c');
  await Promise.all([makeFolder(path), makeFolder(path)]);
  await makeFolder(path);
  assert.ok((await stat(path)).isDirectory());
});

test('a link to a folder is a folder', async () => {
  await symlink(folder, join(folder, 'link'));
  await makeFolder(join(folder, 'link'));
});

test('a file in the way is named', async () => {
  await writeFile(join(folder, 'file'), '');
  for (const path of ['file', 'file/inside']) {
    await assert.rejects(makeFolder(join(folder, path)), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'ERR_MOCO_OUTPUT');
      assert.ok(error.message.includes(join(folder, path)), error.message);
      return true;
    });
  }
});

test('a file system that takes no folders is an error, and no loop', {
  skip: process.platform !== 'linux',
}, async () => {
  await assert.rejects(makeFolder('/proc/moco/inside'), { code: 'ERR_MOCO_OUTPUT' });
});
