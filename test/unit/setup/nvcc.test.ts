import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Host } from '#moco/setup/host.js';
import { findNvcc, nvccProblem } from '#moco/setup/nvcc.js';
import { bareHost, writeCommand } from '../../support/fakeHost.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

const NVCC = (version: string) => `echo "Cuda compilation tools, release 13.0, V${version}"`;

/** A machine with an nvcc of each of these versions, by the folder that it is in. */
function hostWith(folder: string, versions: Record<string, string>): Host {
  for (const [place, version] of Object.entries(versions)) {
    writeCommand(bareHost(join(folder, place)), 'nvcc', NVCC(version));
  }
  return bareHost(join(folder, 'path'));
}

test('nvcc is that of $CUDACXX, else of $CUDA_HOME, else of the PATH', (t) => {
  const folder = temporaryFolder(t);
  const host = hostWith(folder, { own: '12.9.1', home: '12.8.1', path: '13.0.88' });
  assert.equal(findNvcc(host)?.version, '13.0.88');
  host.env.CUDA_HOME = join(folder, 'home');
  assert.equal(findNvcc(host)?.version, '12.8.1');
  host.env.CUDACXX = join(folder, 'own/bin/nvcc');
  assert.deepEqual(findNvcc(host), {
    path: host.env.CUDACXX,
    version: '12.9.1',
    architectures: '80;90a',
  });
});

test("kernels are compiled for this machine's GPUs, each kind once", (t) => {
  const host = hostWith(temporaryFolder(t), { path: '13.0.88' });
  writeCommand(host, 'nvidia-smi', 'echo 9.0; echo 8.6; echo 9.0');
  assert.equal(findNvcc(host)?.architectures, '86;90a');
});

test('a driver that knows no GPU gives the usual architectures', (t) => {
  const host = hostWith(temporaryFolder(t), { path: '13.0.88' });
  writeCommand(host, 'nvidia-smi', 'echo "No devices were found"; exit 6');
  assert.equal(findNvcc(host)?.architectures, '80;90a');
});

test('$MOCO_CUDA_ARCHITECTURES says what to compile for, and is checked', (t) => {
  const host = hostWith(temporaryFolder(t), { path: '13.0.88' });
  host.env.MOCO_CUDA_ARCHITECTURES = '80;120';
  assert.equal(findNvcc(host)?.architectures, '80;120');
  host.env.MOCO_CUDA_ARCHITECTURES = 'sm_80';
  assert.throws(() => findNvcc(host), { code: 'ERR_MOCO_TOOLCHAIN', message: /is "sm_80"/ });
});

test('an nvcc is tried with the C++ compiler and every architecture', (t) => {
  const host = hostWith(temporaryFolder(t), { path: '13.0.88' });
  const nvcc = { path: join(host.env.PATH ?? '', 'nvcc'), version: '', architectures: '80;90a' };
  writeCommand(host, 'nvcc', 'case "$*" in *g++-11*sm_80*sm_90a*) ;; *) exit 1 ;; esac');
  assert.equal(nvccProblem(nvcc, 'g++-11', host), undefined);
  assert.equal(nvccProblem(nvcc, 'g++-15', host), 'it ended with exit code 1');
});
