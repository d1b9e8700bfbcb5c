#!/usr/bin/env node
// How long a run stands still between two epochs, with a checkpoint after each.
//
//   node bench/saving.mjs [--arch resnet50] [--precision bf16] [--epochs 8] [--out FOLDER]
//
// The pause is the time from an epoch's event to that of the next step, less the step itself. Beside
// it stands after how long the checkpoint was told to be whole, which is when a step ends: a run that
// waited for its files would pause for about as long. Nothing is evaluated before the last epoch.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { train } from '../dist/index.js';
import { loadAddon } from '../dist/native/load.js';
import { median, positiveInteger, runBench } from './harness.mjs';

function readOptions() {
  const { values } = parseArgs({
    options: {
      arch: { type: 'string', default: 'resnet50' },
      precision: { type: 'string', default: 'bf16' },
      epochs: { type: 'string', default: '8' },
      out: { type: 'string', default: tmpdir() },
    },
  });
  return { ...values, epochs: positiveInteger('epochs', values.epochs) };
}

/** Seconds of the pauses, and from an epoch's event to that of its checkpoint. */
async function measure({ arch, precision, epochs }, out) {
  const pauses = [];
  const writings = [];
  let ended; // when the newest epoch did
  const onEvent = (event) => {
    const seconds = (performance.now() - ended) / 1000;
    if (event.type === 'epoch') ended = performance.now();
    if (ended === undefined) return;
    if (event.type === 'step' && event.step === 1) pauses.push(seconds - event.seconds);
    if (event.type === 'checkpoint') writings.push(seconds);
  };
  const data = { dataset: 'shapes', trainLimit: 64, testLimit: 16, m: 64, k: 5, batchSize: 32 };
  const config = { ...data, arch, precision, epochs, evalEvery: epochs, device: 'cpu', out };
  await train(config, { onEvent });
  return { pauses, writings: writings.slice(0, -1) }; // the last one comes after an evaluation
}

await runBench(async () => {
  const options = readOptions();
  const out = await mkdtemp(join(options.out, 'moco-saving-'));
  try {
    const { pauses, writings } = await measure(options, out);
    const { libtorchVersion, hardware } = loadAddon();
    const where = `${hardware().cpuName}, LibTorch ${libtorchVersion}, Node ${process.version}`;
    console.log(`${options.arch}, ${options.precision}, ${pauses.length} epochs, ${where}`);
    const told = (seconds) =>
      `${median(seconds).toFixed(2)} s (${Math.min(...seconds).toFixed(2)} – ${Math.max(...seconds).toFixed(2)})`;
    console.log(`pause between epochs   ${told(pauses)}`);
    console.log(`checkpoint whole after ${told(writings)}`);
  } finally {
    await rm(out, { recursive: true });
  }
});
