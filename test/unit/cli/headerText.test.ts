import assert from 'node:assert/strict';
import { test } from 'node:test';
import { machineLines, withoutKernels } from '#moco/cli/headerText.js';
import { evaluatorOn, NativeEvaluatorDouble } from '../../support/evaluatorDouble.js';

const { description } = evaluatorOn(new NativeEvaluatorDouble());

test('where a GPU computes, the header says what makes the views, and why', () => {
  const gpu = { device: 'cuda:0', deviceName: 'double' };
  const views = { viewsDevice: 'cuda:0', viewsReason: 'the data set, 0.18 GB, lies there' };
  assert.deepEqual(machineLines({ ...description, ...gpu, ...views }), [
    'moco 0.0.0, LibTorch 2.13.0',
    'device  cuda:0 (double), 1 compute thread, 1 data thread',
    '        fp32: as asked',
    '        views made by cuda:0: the data set, 0.18 GB, lies there',
  ]);
});

test("on an x86 processor without moco's own kernels the header says so, and why", () => {
  const cpu = { device: 'cpu', cpuKernelsUnavailable: 'the processor has no AVX-512' };
  const line =
    "        without moco's own kernels for BatchNorm and convolutions (slower): the processor has no AVX-512";
  assert.deepEqual(withoutKernels(cpu, 'x64'), [line]);
  assert.deepEqual(withoutKernels(cpu, 'arm64'), []);
  assert.deepEqual(withoutKernels({ ...cpu, device: 'cuda:0' }, 'x64'), []);
  assert.deepEqual(withoutKernels({ ...cpu, cpuKernelsUnavailable: '' }, 'x64'), []);
});
