#!/usr/bin/env node
// Does training in bf16 cost accuracy? Short runs on the built-in shapes, in fp32 and bf16 from the same
// seeds: the kNN accuracy of both, and whether their difference is within the spread over seeds.
//
//   node bench/precision.mjs [--seeds 4] [--epochs 8] [--pictures 2000]

import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { train } from '../dist/index.js';
import { positiveInteger, runBench } from './harness.mjs';

const PRECISIONS = ['fp32', 'bf16'];

function readOptions() {
  const defaults = { seeds: '4', epochs: '8', pictures: '2000' };
  const options = Object.fromEntries(
    Object.entries(defaults).map(([name, value]) => [name, { type: 'string', default: value }]),
  );
  const { values } = parseArgs({ options });
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, positiveInteger(name, value)]),
  );
}

/** kNN top-1 after the last epoch, in per cent. */
async function accuracyAfter({ precision, seed, epochs, pictures }) {
  const out = join(tmpdir(), `moco-precision-${process.pid}`);
  let top1 = Number.NaN;
  const recipe = {
    ...{ dataset: 'shapes', arch: 'resnet18', batchSize: 64, m: 1024, temperature: 0.1 },
    ...{ momentum: 0.99, k: 50, learningRate: 5e-4, trainLimit: pictures, testLimit: 1000 },
  };
  const onEvent = (event) => {
    if (event.type === 'evaluation') top1 = event.top1;
  };
  try {
    const config = { ...recipe, precision, seed, epochs, evalEvery: epochs, out };
    await train({ ...config, checkpointEvery: epochs }, { onEvent });
  } finally {
    await rm(out, { recursive: true, force: true });
  }
  return top1;
}

function mean(numbers) {
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}

/** The sample's. */
function standardDeviation(numbers) {
  const centre = mean(numbers);
  const squares = numbers.reduce((sum, number) => sum + (number - centre) ** 2, 0);
  return Math.sqrt(squares / (numbers.length - 1));
}

await runBench(async () => {
  const { seeds, epochs, pictures } = readOptions();
  console.log(`resnet18, ${pictures} shapes, ${epochs} epochs; kNN top-1 in per cent\n`);
  console.log('| seed | fp32 | bf16 |');
  console.log('|---|---|---|');
  const accuracies = { fp32: [], bf16: [] };
  for (let seed = 0; seed < seeds; seed++) {
    for (const precision of PRECISIONS) {
      accuracies[precision].push(await accuracyAfter({ precision, seed, epochs, pictures }));
    }
    const cells = PRECISIONS.map((precision) => accuracies[precision][seed].toFixed(2));
    console.log(`| ${seed} | ${cells.join(' | ')} |`);
  }
  const cells = PRECISIONS.map((precision) => {
    const values = accuracies[precision];
    return `${mean(values).toFixed(2)} ± ${standardDeviation(values).toFixed(2)}`;
  });
  console.log(`| mean ± standard deviation | ${cells.join(' | ')} |`);
});
