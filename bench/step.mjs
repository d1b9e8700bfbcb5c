#!/usr/bin/env node
// One training step, ours against the plain PyTorch statement of it, interleaved: A B C … A B C …
// Only ratios within one run mean anything; the machine's speed changes from minute to minute.
//
//   node bench/step.mjs [--python python3] [--arch resnet50] [--batch-size 64] [--queue 4096]
//                       [--rounds 7] [--threads 2] [--json]
//
// The Python must have torch (and numpy); see bench/step_reference.py for its side.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import os from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { loadAddon } from '../dist/native/load.js';

const BASELINE = 'PyTorch fp32';
const VARIANTS = {
  [BASELINE]: 'fp32',
  'PyTorch fp32, channels last': 'fp32-channels-last',
  'PyTorch bf16 autocast, channels last': 'bf16-autocast-channels-last',
};

/** What is wrong with the command line or the Python: one line for the user, without a stack. */
class BenchFailure extends Error {}

function readOptions() {
  const { values } = parseArgs({
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
  return {
    python: values.python,
    arch: values.arch,
    batchSize: positiveInteger('batch-size', values['batch-size']),
    queue: positiveInteger('queue', values.queue),
    rounds: positiveInteger('rounds', values.rounds),
    threads: positiveInteger('threads', values.threads),
    json: values.json,
  };
}

function positiveInteger(name, value) {
  if (/^[1-9]\d{0,8}$/.test(value)) return Number(value);
  throw new BenchFailure(`--${name} is "${value}": it must be a positive integer`);
}

/** PyTorch's side: a Python process that runs one step per line of input. */
async function startReference({ python, arch, batchSize, queue, threads }) {
  const script = fileURLToPath(new URL('step_reference.py', import.meta.url));
  const settings = { arch, 'batch-size': batchSize, queue, threads };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, `${value}`]);
  const child = spawn(python, [script, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  try {
    await once(child, 'spawn');
  } catch (error) {
    throw new BenchFailure(`${python} cannot be started: ${error.message}`);
  }
  // A Python that ended is noticed where its answer is missing.
  child.stdin.on('error', () => {});
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async () => {
    const { value, done } = await lines.next();
    if (done) throw new BenchFailure(`${python} ended, see above; does it have torch and numpy?`);
    return JSON.parse(value);
  };
  const { torch } = await answer().catch((error) => {
    child.kill();
    throw error;
  });
  return {
    torch,
    step: async (variant) => {
      child.stdin.write(`step ${variant}\n`);
      return (await answer()).seconds;
    },
    quit: () => child.kill(),
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
async function startOurs({ arch, batchSize, queue, threads }, precision) {
  const pictures = noise(batchSize);
  const trainer = await loadAddon().createTrainer({
    train: pictures,
    test: pictures,
    classes: 10,
    mean: [0.4914, 0.4822, 0.4465],
    std: [0.2023, 0.1994, 0.201],
    arch,
    featureDim: 128,
    queueLength: queue,
    temperature: 0.5,
    momentum: 0.999,
    neighbours: 1,
    batchSize,
    learningRate: 1e-3,
    weightDecay: 1e-6,
    seed: 0,
    device: 'cpu',
    precision,
    dataThreads: 1,
    computeThreads: threads,
    checkpoint: undefined,
  });
  let epoch = 0;
  return {
    step: async () => {
      const start = performance.now();
      await trainer.trainEpoch(++epoch, 1, () => {});
      return (performance.now() - start) / 1000;
    },
    quit: () => trainer.dispose(),
  };
}

/** Starts both sides, times them and ends them, whatever happens. */
async function measure(options) {
  const { cpuBf16 } = loadAddon().hardware();
  const started = [];
  const start = async (starting) => {
    const side = await starting;
    started.push(side);
    return side;
  };
  try {
    const reference = await start(startReference(options));
    const steps = {};
    for (const [name, variant] of Object.entries(VARIANTS)) {
      if (cpuBf16 || !variant.startsWith('bf16')) steps[name] = () => reference.step(variant);
    }
    for (const precision of cpuBf16 ? ['fp32', 'bf16'] : ['fp32']) {
      const { step } = await start(startOurs(options, precision));
      steps[`moco ${precision}`] = step;
    }
    return { torch: reference.torch, seconds: await timeRounds(steps, options.rounds) };
  } finally {
    for (const { quit } of started) await quit();
  }
}

/** Seconds of each step in each round. */
async function timeRounds(steps, rounds) {
  const seconds = Object.fromEntries(Object.keys(steps).map((name) => [name, []]));
  for (let round = -1; round < rounds; round++) {
    for (const [name, step] of Object.entries(steps)) {
      const elapsed = await step();
      if (round >= 0) seconds[name].push(elapsed); // round −1 warms up
    }
  }
  return seconds;
}

function summarise(seconds, batchSize) {
  return Object.entries(seconds).map(([name, times]) => {
    // Each round's own ratio to the baseline: what both met in the same seconds.
    const ratios = times.map((time, round) => seconds[BASELINE][round] / time);
    return {
      name,
      picturesPerSecond: batchSize / median(times),
      ratio: median(ratios),
      slowest: Math.min(...ratios),
      fastest: Math.max(...ratios),
    };
  });
}

function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function describeSetting({ arch, batchSize, threads, rounds }, torch) {
  return {
    arch,
    batchSize,
    threads,
    rounds,
    cpu: loadAddon().hardware().cpuName,
    node: process.version,
    torch,
    libtorch: loadAddon().libtorchVersion,
  };
}

function printTable(setting, results) {
  const settings = Object.entries(setting).map(([key, value]) => `${key} ${value}`);
  console.log(settings.join(', '));
  console.log('\n| step | pictures/s (median) | × PyTorch fp32 (median, range over rounds) |');
  console.log('|---|---|---|');
  for (const { name, picturesPerSecond, ratio, slowest, fastest } of results) {
    const range = `${ratio.toFixed(2)} (${slowest.toFixed(2)} – ${fastest.toFixed(2)})`;
    console.log(`| ${name} | ${picturesPerSecond.toFixed(1)} | ${range} |`);
  }
}

async function main() {
  const options = readOptions();
  const { torch, seconds } = await measure(options);
  const setting = describeSetting(options, torch);
  const results = summarise(seconds, options.batchSize);
  if (options.json) console.log(JSON.stringify({ setting, results }, null, 2));
  else printTable(setting, results);
}

try {
  await main();
} catch (error) {
  const isForUser =
    error instanceof BenchFailure || /^ERR_(MOCO|PARSE_ARGS)_/.test(error.code ?? '');
  if (!isForUser) throw error;
  const hint = error.hint ? `\n${error.hint}` : '';
  process.stderr.write(`error: ${error.message}${hint}\n`);
  process.exitCode = 1;
}
