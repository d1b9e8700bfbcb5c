import assert from 'node:assert/strict';
import { test } from 'node:test';
import { benchScript } from '../../support/benchScript.js';

const { comparisonTable } = await benchScript('gpu/markdown.mjs');
const { kernelTables } = await benchScript('gpu/kernelTables.mjs');
const { testTables } = await benchScript('gpu/testTables.mjs');
const { trainingTables } = await benchScript('gpu/trainingTables.mjs');

test('contestants are compared round by round, and what failed stands below', () => {
  const text = comparisonTable({
    title: 'step',
    results: [
      { name: 'PyTorch tuned', pictures: 100, seconds: [2, 1], memoryMiB: 700 },
      { name: 'moco', pictures: 100, seconds: [1, 1], hello: { firstSeconds: 3.21 } },
      { name: 'moco, else', pictures: 100, seconds: [], failure: 'it broke' },
    ],
  });
  assert.deepEqual(text.trim().split('\n'), [
    '## step',
    '',
    '| step | pictures/s | × the best PyTorch | the first, s | GPU memory, MiB |',
    '| --- | --- | --- | --- | --- |',
    '| PyTorch tuned | 75 (50 – 100) | 1.00 (1.00 – 1.00) | – | 700 |',
    '| moco | 100 (100 – 100) | 1.50 (1.00 – 2.00) | 3.2 | – |',
    '',
    'moco, else failed: it broke',
  ]);
});

test('ours alone is compared with nothing', () => {
  const text = comparisonTable({ title: 'kNN', results: [{ name: 'moco', seconds: [2] }] });
  assert.match(text, /^\| kNN \| s \| the first, s \| GPU memory, MiB \|$/m);
});

const rounds = { copy: [4e12, 2e12], product: [5e14, 5e14] };

test('a kernel of BatchNorm is set beside the copy of the same round', () => {
  const row = { layer: '64 channels', pass: 'apply', perStep: 6, bytes: 1e8, operations: 0 };
  const text = kernelTables('batch_norm', 'resnet50, batch 256', [
    { kind: 'batch_norm', ...row, seconds: [50e-6, 50e-6], ...rounds },
    { kind: 'batch_norm', layer: '128 channels', failure: 'out of memory' },
  ]);
  // 2 TB/s: half of the copy in the first round, all of it in the second.
  assert.match(text, /\| 64 channels \| apply \| 6 \| 50\.0 \(50\.0 – 50\.0\) \| 2000 \| 75 % \|/);
  assert.match(text, /^\| apply \| 0\.30 \| 0\.23 \| 75 % \|$/m);
  assert.match(text, /^128 channels failed: out of memory$/m);
});

test('the ceiling of a convolution is the slower of its memory and its operations', () => {
  const row = { layer: '3×3', perStep: 1, bytes: 4e8, seconds: [4e-4, 4e-4], ...rounds };
  const text = kernelTables('convolutions', 'resnet50, batch 256', [
    { ...row, pass: 'output', operations: 1e11 }, // 100 and 200 µs for memory, 200 for operations
    { ...row, pass: 'gradient by input', operations: 1e9, copy: [4e12, 4e12] },
  ]);
  assert.match(text, /\| output \| 1 \| 400\.0 .* \| 1000 \| 250\.0 \| 50 % \|/);
  assert.match(text, /\| gradient by input \| 1 \| 400\.0 .* \| 1000 \| 2\.5 \| 25 % \|/);
  assert.match(text, /^\| together \| 0\.80 \| 0\.30 \| 38 % \|$/m);
});

test('fused layers stand beside the same one by one', () => {
  const row = { layer: '1×1', perStep: 2, bytes: 4e8, operations: 0, ...rounds };
  const text = kernelTables('folded', 'resnet50, batch 256', [
    { ...row, pass: 'fused', seconds: [2e-4, 4e-4] },
    { ...row, pass: 'one by one', seconds: [4e-4, 4e-4] },
  ]);
  assert.match(text, /\| 1×1 \| 2 \| 300\.0 .* \| 400\.0 .* \| 1\.50 \(1\.00 – 2\.00\) \| 50 % \|/);
});

test('errors of tests stand beside their limits, the nearest first', () => {
  const output = [
    'error: gradients of a layer: 1e-07 of 2e-06 (weight)',
    'error: the loss: 1.5e-05 of 3e-05',
    'an error: of nothing',
  ].join('\n');
  const text = testTables('tests', [
    { file: 'ops/b_test.cc', outcome: 'passed', seconds: 1, output },
    { file: 'ops/a_test.cc', outcome: 'SIGSEGV', seconds: 2.34, output: '' },
  ]);
  assert.deepEqual(
    text.split('\n').filter((line: string) => line.includes('_test.cc')),
    [
      '| ops/a_test.cc | SIGSEGV | 2.3 |',
      '| ops/b_test.cc | passed | 1.0 |',
      '| ops/b_test.cc | the loss | 1.5e-5 | 3.0e-5 | 50 % |',
      '| ops/b_test.cc | gradients of a layer (weight) | 1.0e-7 | 2.0e-6 | 5 % |',
    ],
  );
});

test('a run is summed up over its continuations, and extrapolated by the medians', () => {
  const epoch = (number: number, seconds: number) => ({
    ...{ type: 'epoch', epoch: number, seconds, picturesPerSecond: 50_000 / seconds, loss: 7 },
  });
  const start = {
    type: 'start',
    config: { dataset: 'cifar10', epochs: 100, evalEvery: 2 },
    description: { deviceName: 'a GPU', precision: 'bf16' },
  };
  const best = { top1: 40, epoch: 2 };
  const evaluation = { type: 'evaluation', epoch: 2, top1: 40, top5: 90, seconds: 4, best };
  const events = [start, epoch(1, 9), epoch(2, 3), evaluation, start, epoch(2, 2), epoch(3, 2)];
  const text = trainingTables(events);
  assert.match(text, /^cifar10: 3 of 100 epochs, 1 times gone on; training 13 s, kNN 4 s; best/m);
  // 100 epochs of 2 s, and 50 evaluations of 4 s.
  assert.match(text, /all 100 epochs would take 6\.7 minutes/);
  assert.match(text, /^\| 3 \| 2\.00 \| 25000 \| 7\.0000 \| – \| – \| – \|$/m);
});
