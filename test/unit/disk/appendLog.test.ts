import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { AppendLog } from '#moco/disk/appendLog.js';
import { runWithSmallDisk } from '../../support/smallDisk.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

test('a disk that fills up under a log: its last record is whole', async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, 'a.jsonl');
  const output = runWithSmallDisk(`
    import { AppendLog } from '#moco/disk/appendLog.js';
    const log = await AppendLog.create(${JSON.stringify(path)});
    for (let record = 0; record < 5; record++) await log.append('y'.repeat(999) + '\\n');
    await log.append('z'.repeat(9999) + '\\n').catch((error) => console.log(error.code));
    await log.close();
  `);
  assert.equal(output, 'ERR_MOCO_OUTPUT\n');
  assert.equal(await readFile(path, 'utf8'), `${'y'.repeat(999)}\n`.repeat(5));
});

test('a log never continues a file that is there already', async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, 'a.jsonl');
  await writeFile(path, 'earlier\n');
  await assert.rejects(AppendLog.create(path), {
    code: 'ERR_MOCO_OUTPUT',
    message: `cannot write ${path}: something else is in its place (EEXIST)`,
  });
  assert.equal(await readFile(path, 'utf8'), 'earlier\n');
});

test('a log can be closed twice', async (t) => {
  const folder = temporaryFolder(t);
  const log = await AppendLog.create(join(folder, 'a.jsonl'));
  await log.append('one\n');
  await log.flush();
  await log.close();
  await log.close();
  assert.equal(await readFile(log.path, 'utf8'), 'one\n');
});
