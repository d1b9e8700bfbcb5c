#!/usr/bin/env node
// What steps and evaluations cost as their work grows: batch, data set, queue, bank.
//
//   node bench/growth.mjs [--arch resnet18] [--precision bf16] [--rounds 3] [--only batch]
//
// Every size is a process of its own. The sizes of one growth run interleaved, and each round's own
// ratio to the first size counts: cost per unit of work, so that 1.00 grows no faster than the work.

import { parseArgs } from 'node:util';
import { loadAddon } from '../dist/native/load.js';
import { BenchFailure, median, positiveInteger, runBench, startWorker } from './harness.mjs';

const BATCH = 64;
const QUERIES = 1000;

/** For each growth the sizes, what the worker is told, and the units of work in one run. */
const GROWTHS = {
  batch: {
    sizes: [32, 64, 128, 256, 512],
    settings: (size) => ({ work: 'step', 'batch-size': size, steps: 2 }),
    work: (size) => size * 2,
  },
  'data set': {
    sizes: [1000, 5000, 20_000, 50_000],
    settings: (size) => ({ work: 'step', 'batch-size': BATCH, steps: 4, pictures: size }),
    work: () => BATCH * 4,
  },
  queue: {
    sizes: [4096, 16_384, 65_536],
    settings: (size) => ({ work: 'step', 'batch-size': BATCH, steps: 4, queue: size }),
    work: () => BATCH * 4,
  },
  bank: {
    sizes: [1000, 5000, 20_000, 50_000],
    settings: (size) => ({ work: 'knn', bank: size, queries: QUERIES }),
    work: (size) => size + QUERIES, // pictures whose features are computed
  },
};

function readOptions() {
  const { values } = parseArgs({
    options: {
      arch: { type: 'string', default: 'resnet18' },
      precision: { type: 'string', default: 'bf16' },
      rounds: { type: 'string', default: '3' },
      only: { type: 'string' },
    },
  });
  if (values.only !== undefined && !GROWTHS[values.only]) {
    throw new BenchFailure(`--only is one of ${Object.keys(GROWTHS).join(', ')}`);
  }
  return { ...values, rounds: positiveInteger('rounds', values.rounds) };
}

/** Seconds per unit of work, by round, and the peak memory of each size. */
async function measure({ sizes, settings, work }, { arch, precision, rounds }) {
  const points = [];
  try {
    for (const size of sizes) {
      const all = { device: 'cpu', arch, precision, ...settings(size) };
      const worker = await startWorker(process.execPath, 'ours.mjs', all);
      points.push({ size, worker, costs: [], peakBytes: 0 });
    }
    for (let round = 0; round <= rounds; round++) {
      for (const point of points) {
        const { seconds, peakBytes } = await point.worker.ask('run');
        if (round > 0) point.costs.push(seconds / work(point.size)); // round 0 warms up
        point.peakBytes = peakBytes;
      }
    }
  } finally {
    for (const { worker } of points) worker.quit();
  }
  return points;
}

function printRows(name, points) {
  const [{ costs: baseline }] = points;
  for (const { size, costs, peakBytes } of points) {
    const ratio = median(costs.map((cost, round) => cost / baseline[round]));
    const perUnit = `${(median(costs) * 1000).toFixed(2)} ms`;
    const memory = `${Math.round(peakBytes / 2 ** 20)} MiB`;
    console.log(`| ${name} ${size} | ${perUnit} | ${ratio.toFixed(2)} | ${memory} |`);
  }
}

await runBench(async () => {
  const options = readOptions();
  const { arch, precision, rounds } = options;
  const { libtorchVersion, hardware } = loadAddon();
  const where = `${hardware().cpuName}, LibTorch ${libtorchVersion}, Node ${process.version}`;
  console.log(`${arch}, ${precision}, ${rounds} rounds, ${where}\n`);
  console.log('| | per picture (median) | × the first (median) | peak memory |');
  console.log('|---|---|---|---|');
  for (const [name, growth] of Object.entries(GROWTHS)) {
    if (options.only && name !== options.only) continue;
    printRows(name, await measure(growth, options));
  }
});
