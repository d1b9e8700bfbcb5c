#!/usr/bin/env node
import { readFileSync } from 'node:fs';
// A trainer on the first pictures of a packed file, as a worker (see bench/worker.py): a line of input
// is a number of steps to do; the answer tells the median of their seconds, and how much memory the
// process has had at most, in MiB.
//
//   node bench/packed-worker.mjs --file F.moco --where memory|file --pictures N [--batch-size 64]
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { parseConfig } from '../dist/config/resolve.js';
import { settledKeys } from '../dist/config/settledKeys.js';
import { trainCommand } from '../dist/config/trainConfig.js';
import { loadAddon } from '../dist/native/load.js';
import { datasetOf } from '../dist/pictures/datasetOf.js';
import { openPacked } from '../dist/pictures/openPacked.js';
import { readPixels } from '../dist/pictures/readPixels.js';
import { decodeStepRows } from '../dist/train/stepRows.js';

const { values } = parseArgs({
  options: {
    ...{ file: { type: 'string' }, where: { type: 'string' }, pictures: { type: 'string' } },
    'batch-size': { type: 'string', default: '64' },
  },
});

const packed = await openPacked(values.file);
const dataset = datasetOf(packed, { trainLimit: Number(values.pictures), testLimit: 1 });
const train = values.where === 'memory' ? await inMemory(dataset.train) : dataset.train;
const run = { arch: 'resnet18', stem: 'imagenet', k: 1, m: 1024, device: 'cpu' };
const settings = parseConfig(trainCommand, run);
const config = {
  ...settings,
  ...settledKeys(settings, packed.meta.imageSize),
  batchSize: Number(values['batch-size']),
};
const trainer = await loadAddon().createTrainer(config, { ...dataset, train });

/** The same pictures, all read before. */
async function inMemory(pictures) {
  const numbers = Array.from({ length: pictures.count }, (_, number) => number);
  return { ...pictures, pixels: Buffer.concat(await readPixels(pictures, numbers)) };
}

let epoch = 0;

/** The median of the seconds of so many steps, each of an epoch of its own order. */
async function stepSeconds(steps) {
  const seconds = [];
  epoch += 1;
  await trainer.trainEpoch(epoch, 1, (rows) => {
    seconds.push(...decodeStepRows(rows).map((row) => row.seconds));
    if (seconds.length >= steps) trainer.stop();
  });
  return seconds.toSorted((a, b) => a - b)[Math.floor(seconds.length / 2)];
}

function peakMemory() {
  const status = readFileSync('/proc/self/status', 'utf8');
  return Number(/VmHWM:\s+(\d+)/.exec(status)[1]) / 1024;
}

console.log(JSON.stringify({ pictures: dataset.train.count }));
for await (const line of createInterface({ input: process.stdin })) {
  const seconds = await stepSeconds(Number(line));
  console.log(JSON.stringify({ seconds, memory: peakMemory() }));
}
