import assert from 'node:assert/strict';
import { chmod, mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { CIFAR10, recordBytes } from '#moco/data/cifarVariant.js';
import { dataSets, outputFolder } from '#moco/doctor/storage.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

/** Files of the official sizes, all zero, which take no room on the disk. */
async function writeSparseCifar(dataRoot: string): Promise<void> {
  const folder = join(dataRoot, CIFAR10.folder);
  await mkdir(folder, { recursive: true });
  for (const { files, recordsPerFile } of [CIFAR10.train, CIFAR10.test]) {
    for (const file of files) {
      await using handle = await open(join(folder, file), 'w');
      await handle.truncate(recordsPerFile * recordBytes(CIFAR10));
    }
  }
}

test('an output folder that can be written to is good, with what is free there', async (t) => {
  const out = join(temporaryFolder(t), 'results');
  const { state, message, facts } = await outputFolder(out);
  assert.notEqual(state, 'bad');
  assert.match(message, /results: can be written to, \d+\.\d GB free/);
  assert.equal(typeof facts?.freeBytes, 'number');
});

test('an output folder that cannot be written to is bad, and says what to do', async (t) => {
  const folder = temporaryFolder(t);
  await writeFile(join(folder, 'file'), '');
  const { state, message, hint } = await outputFolder(join(folder, 'file/results'));
  assert.equal(state, 'bad');
  assert.match(message, /cannot write .*results/);
  assert.equal(hint, 'Choose another folder.');
});

test('a data set that is not there is a note that says how to get it', async (t) => {
  const dataRoot = temporaryFolder(t);
  const [cifar10, cifar100, shapes] = await dataSets(dataRoot);
  assert.equal(cifar10?.message, `not in ${dataRoot}; it is downloaded at first use`);
  assert.match(cifar10?.hint ?? '', /put cifar-10-binary\.tar\.gz there/);
  assert.deepEqual([cifar10?.state, cifar100?.state, shapes?.state], ['note', 'note', 'good']);
});

test('a data set is found as files or as an archive', async (t) => {
  const dataRoot = temporaryFolder(t);
  await writeSparseCifar(dataRoot);
  await writeFile(join(dataRoot, 'cifar-100-binary.tar.gz'), '');
  const [cifar10, cifar100] = await dataSets(dataRoot);
  assert.deepEqual([cifar10?.state, cifar100?.state], ['good', 'good']);
  const folder = join(dataRoot, CIFAR10.folder);
  assert.equal(cifar10?.message, `in ${folder}, 50000 training and 10000 test pictures`);
  assert.deepEqual(cifar10?.facts, { folder, train: 50_000, test: 10_000 });
  assert.match(cifar100?.message ?? '', /tar\.gz is unpacked at first use$/);
});

test('an incomplete data set is bad', async (t) => {
  const dataRoot = temporaryFolder(t);
  await mkdir(join(dataRoot, CIFAR10.folder));
  const [cifar10] = await dataSets(dataRoot);
  assert.equal(cifar10?.state, 'bad');
  assert.match(cifar10?.message ?? '', /missing: data_batch_1\.bin/);
  assert.match(cifar10?.hint ?? '', /Delete the folder/);
});

test('a data folder that cannot be read is bad', {
  skip: process.getuid?.() === 0 && 'root reads everything',
}, async (t) => {
  const dataRoot = join(temporaryFolder(t), 'data');
  await mkdir(dataRoot);
  await chmod(dataRoot, 0);
  const [cifar10] = await dataSets(dataRoot);
  assert.equal(cifar10?.state, 'bad');
});
