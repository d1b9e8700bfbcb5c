import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { writeFileAtomic } from '#moco/disk/atomicFile.js';
import { runWithSmallDisk } from '../../support/smallDisk.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'moco-files-'));
});
afterEach(async () => {
  await chmod(folder, 0o700);
  await rm(folder, { recursive: true });
});

const isRoot = process.getuid?.() === 0;

test('a file appears under its name and leaves no temporary one', async () => {
  await writeFileAtomic(join(folder, 'a.csv'), 'one');
  await writeFileAtomic(join(folder, 'a.csv'), new Uint8Array([50, 51]));
  assert.equal(await readFile(join(folder, 'a.csv'), 'utf8'), '23');
  assert.deepEqual(await readdir(folder), ['a.csv']);
});

test('a folder in the place of the file: the error names it, the folder and its content stay', async () => {
  const path = join(folder, 'a.csv');
  await mkdir(path);
  await writeFile(join(path, 'inside'), 'x');
  await assert.rejects(writeFileAtomic(path, 'one'), {
    name: 'MocoError',
    code: 'ERR_MOCO_OUTPUT',
    message: `cannot write ${path}: a folder is in its place (EISDIR)`,
    hint: 'Move it away, or choose another folder.',
  });
  assert.deepEqual(await readdir(folder), ['a.csv']);
  assert.deepEqual(await readdir(path), ['inside']);
});

test('a missing folder, or a file in its place, is named', async () => {
  await assert.rejects(writeFileAtomic(join(folder, 'no', 'a.csv'), ''), {
    message: `cannot write ${join(folder, 'no', 'a.csv')}: the folder is not there (ENOENT)`,
  });
  await writeFile(join(folder, 'file'), '');
  await assert.rejects(writeFileAtomic(join(folder, 'file', 'a.csv'), ''), {
    message: /a part of the path is a file, not a folder \(ENOTDIR\)$/,
  });
});

test('a folder that must not be written to is named', { skip: isRoot }, async () => {
  await chmod(folder, 0o500);
  await assert.rejects(writeFileAtomic(join(folder, 'a.csv'), ''), {
    code: 'ERR_MOCO_OUTPUT',
    message: /permission denied \(EACCES\)$/,
  });
});

test('a disk that fills up during a write: the old file stays, no piece of the new one', async () => {
  const path = join(folder, 'a.csv');
  await writeFile(path, 'old');
  const output = runWithSmallDisk(`
    import { writeFileAtomic } from '#moco/disk/atomicFile.js';
    await writeFileAtomic(${JSON.stringify(path)}, 'x'.repeat(20000)).catch((error) => {
      console.log(error.code, error.message, error.hint);
    });
  `);
  assert.match(output, /^ERR_MOCO_OUTPUT cannot write .*a\.csv: .*size limit \(EFBIG\) Raise/);
  assert.equal(await readFile(path, 'utf8'), 'old');
  assert.deepEqual(await readdir(folder), ['a.csv']);
});
