import assert from 'node:assert/strict';
import { chmod, mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { findingLines, verdict } from '#moco/cli/doctorText.js';
import { CIFAR10, recordBytes } from '#moco/data/cifarVariant.js';
import { gpu, kernels } from '#moco/doctor/gpu.js';
import { dataSets, outputFolder } from '#moco/doctor/storage.js';
import type { NativeHardware } from '#moco/native/machine.js';
import { bareHost } from '../../support/fakeHost.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

const GPU = { name: 'NVIDIA H200', computeCapability: '9.0', memoryBytes: 150e9 };

function hardware(changes: Partial<NativeHardware>): NativeHardware {
  return { cpuName: 'CPU', cpuBf16: true, cuda: undefined, cudaUnavailable: '', ...changes };
}

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
  assert.equal(cifar10?.message, `in ${join(dataRoot, CIFAR10.folder)}`);
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

test('a GPU is told with its memory, compute capability and all versions', (t) => {
  const cuda = { devices: [GPU], driverCuda: '13.0', cuda: '12.8', cudnn: '9.10.2' };
  const { state, message } = gpu(hardware({ cuda }), bareHost(temporaryFolder(t)));
  assert.equal(state, 'good');
  assert.match(message, /^cuda:0 NVIDIA H200 \(150\.0 GB, compute capability 9\.0\)/);
  assert.match(message, /for CUDA up to 13\.0; LibTorch with CUDA 12\.8 and cuDNN 9\.10\.2$/);
});

test('where there is no GPU, the reason is told, and with a driver what to do', (t) => {
  const host = bareHost(temporaryFolder(t));
  const without = gpu(hardware({ cudaUnavailable: 'LibTorch is a CPU build' }), host);
  assert.equal(without.state, 'note');
  assert.equal(without.message, 'none to use: LibTorch is a CPU build');
  assert.equal(without.hint, undefined);
  const hintOf = (cudaUnavailable: string) =>
    gpu(hardware({ cudaUnavailable }), { ...host, nvidiaDriver: true }).hint ?? '';
  assert.match(hintOf('LibTorch is a CPU build'), /LIBTORCH/);
  assert.match(
    hintOf('supports CUDA 11.0, and LibTorch was built with 13.0: the driver is too old'),
    /Update NVIDIA's driver/,
  );
  assert.match(hintOf("NVIDIA's driver sees no GPU"), /nvidia-smi/);
});

test('kernels of our own are told with their compiler, and where they are not used, what to do', () => {
  const nvcc = { path: '/usr/bin/nvcc', version: '13.0.88', architectures: '90a' };
  assert.equal(kernels('', nvcc).message, 'compiled with nvcc 13.0.88 for 90a');
  const without = kernels('they were not compiled', null);
  assert.equal(without.state, 'note');
  assert.match(without.message, /^not used, they were not compiled; training on a GPU works/);
  assert.match(without.hint ?? '', /CUDA toolkit/);
  assert.match(kernels('they were not compiled', nvcc).hint ?? '', /CXX/);
  assert.match(kernels('they were compiled for other GPUs', nvcc).hint ?? '', /set-up again/);
  assert.match(kernels('MOCO_CUDA_KERNELS is 0', nvcc).hint ?? '', /Unset/);
});

test('a finding reads as one line, with what to do below', () => {
  const finding = {
    subject: 'addon',
    message: 'it is missing:\nno file',
    hint: '1. Build.\n2. Go.',
  };
  assert.deepEqual(findingLines({ ...finding, state: 'bad' }), [
    'bad   addon          it is missing:',
    '                     no file',
    '                     1. Build.',
    '                     2. Go.',
  ]);
  assert.deepEqual(findingLines({ subject: 'GPU', state: 'good', message: 'one' }), [
    'ok    GPU            one',
  ]);
});

test('the last line counts what is bad', () => {
  const finding = (state: 'good' | 'note' | 'bad') => ({ subject: 'x', state, message: '' });
  const good = { healthy: true, findings: [finding('good'), finding('note')] };
  assert.equal(verdict(good), 'moco works on this machine.');
  const bad = { healthy: false, findings: [finding('bad'), finding('note')] };
  assert.equal(verdict(bad), 'moco does not work: 1 problem.');
});
