#!/usr/bin/env node
// Does training in bf16 cost accuracy? Short runs on the built-in shapes, in fp32 and bf16 from the same
// seeds: what both reach, and whether their difference is within the spread over seeds.
//
//   node bench/precision.mjs [--seeds 6] [--epochs 6] [--pictures 2000]

import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import * as moco from '../dist/index.js';
import { positiveInteger, runBench } from './harness.mjs';

const PRECISIONS = ['fp32', 'bf16'];

function readOptions() {
  const defaults = { seeds: '6', epochs: '6', pictures: '2000' };
  const options = Object.fromEntries(
    Object.entries(defaults).map(([name, value]) => [name, { type: 'string', default: value }]),
  );
  const { values } = parseArgs({ options });
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, positiveInteger(name, value)]),
  );
}

/** What a run reaches: kNN top-1 after the last epoch, in per cent, and the mean loss of that epoch. */
async function train({ precision, seed, epochs, pictures }) {
  const out = join(tmpdir(), `moco-precision-${process.pid}`);
  const recipe = {
    ...{ dataset: 'shapes', arch: 'resnet18', batchSize: 64, m: 1024, temperature: 0.1 },
    ...{ momentum: 0.99, k: 50, learningRate: 5e-4, trainLimit: pictures, testLimit: 2000 },
  };
  const reached = { top1: Number.NaN, loss: Number.NaN };
  const onEvent = (event) => {
    if (event.type === 'evaluation') reached.top1 = event.top1;
    if (event.type === 'epoch') reached.loss = event.loss;
  };
  try {
    const config = { ...recipe, precision, seed, epochs, evalEvery: epochs, out };
    await moco.train({ ...config, checkpointEvery: epochs }, { onEvent });
  } finally {
    await rm(out, { recursive: true, force: true });
  }
  return reached;
}

function mean(numbers) {
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}

/** Standard deviation of a sample. */
function standardDeviation(numbers) {
  const centre = mean(numbers);
  const squares = numbers.reduce((sum, number) => sum + (number - centre) ** 2, 0);
  return Math.sqrt(squares / (numbers.length - 1));
}

/** `mean ± deviation` of one number of the runs. */
function spread(runs, digits, number) {
  const values = runs.map(number);
  return `${mean(values).toFixed(digits)} ± ${standardDeviation(values).toFixed(digits)}`;
}

await runBench(async () => {
  const { seeds, epochs, pictures } = readOptions();
  console.log(`resnet18, ${pictures} shapes, ${epochs} epochs; kNN top-1 on 2,000 others\n`);
  console.log('| seed | fp32 kNN | bf16 kNN | fp32 loss | bf16 loss |');
  console.log('|---|---|---|---|---|');
  const runs = { fp32: [], bf16: [] };
  for (let seed = 0; seed < seeds; seed++) {
    for (const precision of PRECISIONS) {
      runs[precision].push(await train({ precision, seed, epochs, pictures }));
    }
    const top1 = PRECISIONS.map((precision) => `${runs[precision].at(-1).top1.toFixed(1)} %`);
    const losses = PRECISIONS.map((precision) => runs[precision].at(-1).loss.toFixed(3));
    console.log(`| ${[seed, ...top1, ...losses].join(' | ')} |`);
  }
  const top1 = PRECISIONS.map((precision) => spread(runs[precision], 1, (run) => run.top1));
  const losses = PRECISIONS.map((precision) => spread(runs[precision], 3, (run) => run.loss));
  console.log(`| mean ± standard deviation | ${[...top1, ...losses].join(' | ')} |`);
});
