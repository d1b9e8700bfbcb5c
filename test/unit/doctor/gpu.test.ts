import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gpu, kernels } from '#moco/doctor/gpu.js';
import type { NativeHardware } from '#moco/native/machine.js';
import { bareHost } from '../../support/fakeHost.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

const GPU = { name: 'NVIDIA H200', computeCapability: '9.0', memoryBytes: 150e9 };

function hardware(changes: Partial<NativeHardware>): NativeHardware {
  const cpu = { cpuName: 'CPU', cpuBf16: true, cpuKernelsUnavailable: '', usesAmx: false };
  return { ...cpu, cuda: undefined, cudaUnavailable: '', ...changes };
}

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
