#!/usr/bin/env node
// What an hour of training buys on CIFAR-10: kNN accuracy against the time of training, ours beside
// PyTorch's (training_reference.py).
//
//   node bench/training.mjs --data-root data --python P --only cpu,script-resnet50
//                           [--minutes 60] [--every 10] [--seed 0] [--out results/training]
//
// Contestants train one after the other, and need the machine for themselves. Each leaves a model every
// so many minutes; all are measured afterwards by our kNN (features of the backbone, k 200, temperature
// 0.1, all training pictures vote for the 10,000 test pictures), and appended to curves.csv. Ours have the
// minutes as their budget, with their own evaluation and checkpoints in it; of PyTorch's, only the training
// counts.

import { appendFileSync, copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { knn, recipe, train } from '../dist/index.js';
import { BenchFailure, positiveInteger, runBench, startWorker } from './harness.mjs';

/** By name: PyTorch's contestants, as training_reference.py takes them. */
const PYTORCH = {
  'script-resnet50': { contestant: 'script', arch: 'resnet50' },
  'script-resnet18': { contestant: 'script', arch: 'resnet18' },
  'best-resnet18': { contestant: 'best', arch: 'resnet18' },
};

const COLUMNS = ['contestant', 'seed', 'minutes', 'seconds', 'pictures', 'top1'];

function readOptions() {
  const text = (value) => ({ type: 'string', default: value });
  const { values } = parseArgs({
    options: {
      'data-root': { type: 'string' },
      python: text('python3'),
      only: { type: 'string' },
      minutes: text('60'),
      every: text('10'),
      seed: text('0'),
      out: text('results/training'),
    },
  });
  for (const name of ['data-root', 'only']) {
    if (values[name] === undefined) throw new BenchFailure(`--${name} is missing`);
  }
  return {
    dataRoot: values['data-root'],
    python: values.python,
    contestants: values.only.split(','),
    minutes: positiveInteger('minutes', values.minutes),
    every: positiveInteger('every', values.every),
    seed: Number(values.seed),
    out: values.out,
  };
}

/** Trains a recipe of ours. @returns the models on the way, each with its seconds and pictures */
async function trainOurs(name, folder, { dataRoot, minutes, every, seed }) {
  const config = {
    ...{ recipe: name, seed, dataRoot, out: folder },
    ...{ budget: `${minutes}m`, checkpointMinutes: every },
  };
  const models = [];
  const started = performance.now();
  let pictures = 0;
  let run;
  await train(config, {
    onEvent(event) {
      if (event.type === 'start') run = event;
      if (event.type === 'warning') console.error(`${name}: ${event.message}`);
      if (event.type === 'step') pictures += run.config.batchSize * run.config.accumulate;
      if (event.type !== 'checkpoint') return;
      const seconds = (performance.now() - started) / 1000;
      const path = join(folder, `${String(Math.round(seconds)).padStart(5, '0')}.pth`);
      copyFileSync(join(run.description.files.directory, 'last_model.pth'), path);
      models.push({ path, seconds, pictures });
    },
  });
  return models;
}

/** The same of PyTorch's. */
async function trainPytorch(name, folder, { python, dataRoot, minutes, every, seed }) {
  const settings = { ...PYTORCH[name], 'data-root': dataRoot, out: folder, minutes, every, seed };
  const worker = await startWorker(python, 'training_reference.py', settings);
  const models = [worker.hello];
  while (models.at(-1).seconds < 60 * minutes) models.push(await worker.next());
  worker.quit();
  return models;
}

async function measure({ path }, name, dataRoot) {
  const { arch } = PYTORCH[name] ?? recipe(name).settings;
  const { top1 } = await knn({ modelPath: path, arch, dataRoot, k: 200, temperature: [0.1] });
  return top1;
}

await runBench(async () => {
  const options = readOptions();
  const csv = join(options.out, 'curves.csv');
  mkdirSync(dirname(csv), { recursive: true });
  if (!existsSync(csv)) appendFileSync(csv, `${COLUMNS}\n`);
  for (const name of options.contestants) {
    const folder = join(options.out, `${name}-${options.minutes}m-${options.seed}`);
    mkdirSync(folder, { recursive: true });
    const trainOne = name in PYTORCH ? trainPytorch : trainOurs;
    for (const model of await trainOne(name, folder, options)) {
      const top1 = await measure(model, name, options.dataRoot);
      const row = [name, options.seed, options.minutes, Math.round(model.seconds), model.pictures];
      appendFileSync(csv, `${[...row, top1.toFixed(2)]}\n`);
      console.log(`${row.join(' ')} ${basename(model.path)}: ${top1.toFixed(2)} %`);
    }
  }
});
