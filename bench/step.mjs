#!/usr/bin/env node
// One training step, ours against the plain PyTorch statement of it, interleaved: A B C … A B C …
// Only ratios within one run mean anything; the machine's speed changes from minute to minute.
//
//   node bench/step.mjs [--python python3] [--arch resnet50] [--batch-size 64] [--queue 4096]
//                       [--rounds 7] [--threads 2] [--json]
//
// The Python must have torch (and numpy); see bench/step_reference.py for its side.

import { spawn } from 'node:child_process';
import os from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { loadAddon } from '../dist/native/load.js';

const { values: options } = parseArgs({
  options: {
    python: { type: 'string', default: 'python3' },
    arch: { type: 'string', default: 'resnet50' },
    'batch-size': { type: 'string', default: '64' },
    queue: { type: 'string', default: '4096' },
    rounds: { type: 'string', default: '7' },
    threads: { type: 'string', default: String(os.availableParallelism()) },
    json: { type: 'boolean', default: false },
  },
});
const batchSize = Number(options['batch-size']);
const threads = Number(options.threads);

const BASELINE = 'PyTorch fp32';
const VARIANTS = {
  [BASELINE]: 'fp32',
  'PyTorch fp32, channels last': 'fp32-channels-last',
  'PyTorch bf16 autocast, channels last': 'bf16-autocast-channels-last',
};

/** PyTorch's side: a Python process that runs one step per line of input. */
async function startReference() {
  const script = fileURLToPath(new URL('step_reference.py', import.meta.url));
  const child = spawn(
    options.python,
    [script, '--arch', options.arch, '--batch-size', options['batch-size']].concat([
      '--queue',
      options.queue,
      '--threads',
      options.threads,
    ]),
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${options.python} ended; does it have torch?`);
    return JSON.parse(value);
  };
  const { torch } = await answer();
  return {
    torch,
    step: async (variant) => {
      child.stdin.write(`step ${variant}\n`);
      return (await answer()).seconds;
    },
    quit: () => child.stdin.end('quit\n'),
  };
}

/** Random pictures, never zeros: arithmetic on zeros is faster. */
function noise(count) {
  const pixels = new Uint8Array(count * 3 * 32 * 32);
  for (let start = 0; start < pixels.length; start += 65536) {
    crypto.getRandomValues(pixels.subarray(start, start + 65536));
  }
  const labels = new Uint8Array(count).map((_, index) => index % 10);
  return { pixels, labels, count, height: 32, width: 32 };
}

/** Our side: an epoch of one batch is one step, data included. */
async function startOurs(precision) {
  const pictures = noise(batchSize);
  const trainer = await loadAddon().createTrainer({
    ...{ train: pictures, test: pictures, classes: 10, neighbours: 1 },
    ...{ mean: [0.4914, 0.4822, 0.4465], std: [0.2023, 0.1994, 0.201] },
    ...{ arch: options.arch, featureDim: 128, queueLength: Number(options.queue) },
    ...{ temperature: 0.5, momentum: 0.999, batchSize, learningRate: 1e-3, weightDecay: 1e-6 },
    ...{ seed: 0, device: 'cpu', precision, dataThreads: 1, computeThreads: threads },
  });
  let epoch = 0;
  return {
    step: async () => {
      const start = performance.now();
      await trainer.trainEpoch(++epoch, () => {});
      return (performance.now() - start) / 1000;
    },
    quit: () => trainer.dispose(),
  };
}

const median = (numbers) => {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};

const { cpuBf16, cpuName } = loadAddon().hardware();
const reference = await startReference();
const ours = {};
for (const precision of cpuBf16 ? ['fp32', 'bf16'] : ['fp32']) {
  ours[`moco ${precision}`] = await startOurs(precision);
}
const contestants = {};
for (const [name, variant] of Object.entries(VARIANTS)) {
  if (variant.startsWith('bf16') && !cpuBf16) continue;
  contestants[name] = () => reference.step(variant);
}
for (const [name, { step }] of Object.entries(ours)) contestants[name] = step;

const seconds = Object.fromEntries(Object.keys(contestants).map((name) => [name, []]));
for (let round = -1; round < Number(options.rounds); round++) {
  for (const [name, step] of Object.entries(contestants)) {
    const elapsed = await step();
    if (round >= 0) seconds[name].push(elapsed); // round −1 warms up
  }
}
reference.quit();
for (const { quit } of Object.values(ours)) await quit();

const results = Object.entries(seconds).map(([name, times]) => ({
  name,
  picturesPerSecond: batchSize / median(times),
  // Each round's own ratio to the baseline: what both met in the same seconds.
  ratio: median(times.map((time, round) => seconds[BASELINE][round] / time)),
  slowest: Math.min(...times.map((time, round) => seconds[BASELINE][round] / time)),
  fastest: Math.max(...times.map((time, round) => seconds[BASELINE][round] / time)),
}));
const setting = {
  ...{ arch: options.arch, batchSize, threads, rounds: Number(options.rounds) },
  ...{ cpu: cpuName, node: process.version, torch: reference.torch },
  libtorch: loadAddon().libtorchVersion,
};
if (options.json) {
  console.log(JSON.stringify({ setting, results }, null, 2));
} else {
  console.log(
    Object.entries(setting)
      .map(([key, value]) => `${key} ${value}`)
      .join(', '),
  );
  console.log('\n| step | pictures/s (median) | × PyTorch fp32 (median, range over rounds) |');
  console.log('|---|---|---|');
  for (const { name, picturesPerSecond, ratio, slowest, fastest } of results) {
    const range = `${ratio.toFixed(2)} (${slowest.toFixed(2)} – ${fastest.toFixed(2)})`;
    console.log(`| ${name} | ${picturesPerSecond.toFixed(1)} | ${range} |`);
  }
}
