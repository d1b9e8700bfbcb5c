#!/usr/bin/env node
// Ours, as a worker (see bench/worker.py): some training steps or a kNN evaluation per line of input.
//
//   node bench/ours.mjs --work step|knn [--device cuda] [--precision bf16] [--arch resnet50]
//                       [--batch-size 256] [--steps 50] [--pictures N] [--queue 4096] [--bank 50000]
//                       [--queries 10000] [--k 200] [--cuda-graph true] [--deterministic false]
//
// Steps are an epoch's last ones, of a data set of so many pictures (else as many as they take): making
// and normalising the views is in their time, and an answer tells how long the thread that trains had no
// core. The first line tells the seconds of the first step or
// evaluation, in which libraries choose their algorithms. An answer tells, too, the most memory that
// tensors took and that was held for them, what the trainer warned of, and where a CUDA graph was asked
// for and not recorded, this failure.
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { loadAddon } from '../dist/native/load.js';
import { decodeStepRows } from '../dist/train/stepRows.js';
import { BenchFailure, positiveInteger, secondsOf, startTrainer } from './harness.mjs';

const NUMBERS = {
  'batch-size': 256,
  steps: 50,
  queue: 4096,
  bank: 50_000,
  queries: 10_000,
  k: 200,
};
const TEXTS = {
  ...{ device: 'cuda', precision: 'bf16', arch: 'resnet50' },
  ...{ 'cuda-graph': 'true', deterministic: 'false' },
};

function readSettings() {
  const flags = Object.entries({ ...NUMBERS, ...TEXTS }).map(([name, value]) => [
    name,
    { type: 'string', default: String(value) },
  ]);
  const { values } = parseArgs({
    options: {
      ...Object.fromEntries(flags),
      work: { type: 'string' },
      pictures: { type: 'string' },
    },
  });
  for (const name of Object.keys(NUMBERS)) values[name] = positiveInteger(name, values[name]);
  if (values.pictures !== undefined) values.pictures = positiveInteger('pictures', values.pictures);
  if (values.work === 'step' || values.work === 'knn') return values;
  throw new BenchFailure(`--work is "${values.work}": it is step or knn`);
}

/** A trainer whose epoch or evaluation is what is timed. */
async function start({ work, arch, device, precision, queue, k, ...settings }) {
  const batchSize = settings['batch-size'];
  const train = settings.pictures ?? batchSize * settings.steps;
  const pictures =
    work === 'step'
      ? { batchSize, train, test: 1 }
      : { batchSize: 2, train: settings.bank, test: settings.queries, k };
  const trainer = await startTrainer({
    ...{ arch, device, precision, m: queue, ...pictures, dataThreads: 'auto' },
    cudaGraph: settings['cuda-graph'] === 'true',
    deterministic: settings.deterministic === 'true',
  });
  let epoch = 0;
  const perEpoch = Math.floor(train / batchSize);
  let rows = [];
  const trainLast = async (steps) => {
    rows = [];
    const keep = (numbers) => rows.push(...decodeStepRows(numbers));
    await trainer.trainEpoch(++epoch, perEpoch - steps + 1, keep);
  };
  const secondsWithoutCore = () => rows.reduce((sum, row) => sum + row.secondsWithoutCore, 0);
  const [first, run] =
    work === 'step'
      ? [() => trainLast(1), () => trainLast(settings.steps)]
      : [() => trainer.evaluate(), () => trainer.evaluate()];
  return { trainer, first, run, secondsWithoutCore };
}

const settings = readSettings();
const { trainer, first, run, secondsWithoutCore } = await start(settings);
const firstSeconds = await secondsOf(first);
const { libtorchVersion: libtorch, cudaKernelsUnavailable } = loadAddon();
const kernels = settings.device.startsWith('cuda') ? cudaKernelsUnavailable() || 'used' : 'no GPU';
console.log(JSON.stringify({ libtorch, kernels, firstSeconds }));
for await (const _ of createInterface({ input: process.stdin })) {
  const seconds = await secondsOf(run);
  const warnings = await trainer.takeWarnings();
  const failure = warnings.find((warning) => warning.includes('CUDA graph'));
  const { peak: peakBytes, held: heldBytes } = trainer.memory();
  const waited = { secondsWithoutCore: secondsWithoutCore() };
  console.log(JSON.stringify({ seconds, ...waited, failure, warnings, peakBytes, heldBytes }));
}
process.exit(); // the trainer's thread ends with it
