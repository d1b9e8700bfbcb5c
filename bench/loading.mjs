#!/usr/bin/env node
// How long it takes to load an encoder whose file is in the system's cache.
//
//   node bench/loading.mjs [--arch resnet50] [--image-size 224] [--precision auto] [--rounds 7]
//
// Each round is a process of its own, which loads the addon with LibTorch, then an encoder, and then
// another one. Beside them stands how long the file's bytes take to be read, and nothing else.

import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { loadEncoder } from '../dist/index.js';
import { loadAddon } from '../dist/native/load.js';
import { median, positiveInteger, runBench, secondsOf } from './harness.mjs';
import { modelOf } from './model.mjs';

const { values } = parseArgs({
  options: {
    arch: { type: 'string', default: 'resnet50' },
    'image-size': { type: 'string', default: '224' },
    precision: { type: 'string', default: 'auto' },
    rounds: { type: 'string', default: '7' },
    model: { type: 'string' }, // of a round's own process
  },
});

/** Seconds of each part, in this process. */
async function measureOnce(path, precision) {
  const load = async () => {
    const encoder = await loadEncoder(path, { precision, device: 'cpu' });
    return () => encoder.dispose();
  };
  const parts = { file: () => readFile(path), addon: async () => loadAddon() };
  const seconds = {};
  for (const [name, part] of Object.entries(parts)) seconds[name] = await secondsOf(part);
  for (const name of ['first', 'second']) {
    let dispose;
    seconds[name] = await secondsOf(async () => {
      dispose = await load();
    });
    await dispose();
  }
  return seconds;
}

async function main() {
  const { arch, precision } = values;
  const rounds = positiveInteger('rounds', values.rounds);
  const imageSize = positiveInteger('image-size', values['image-size']);
  const folder = await mkdtemp(join(tmpdir(), 'moco-loading-'));
  try {
    const model = await modelOf(arch, imageSize, folder);
    const words = [fileURLToPath(import.meta.url), '--precision', precision, '--model', model];
    const run = () => JSON.parse(execFileSync(process.execPath, words, { encoding: 'utf8' }));
    const measured = Array.from({ length: rounds }, run);
    console.log(`${arch}, ${imageSize} × ${imageSize}, ${precision}, ${rounds} processes`);
    for (const part of Object.keys(measured[0])) {
      const all = measured.map((seconds) => 1000 * seconds[part]);
      const range = `${Math.min(...all).toFixed(0)} – ${Math.max(...all).toFixed(0)}`;
      console.log(`${part.padEnd(8)} ${median(all).toFixed(0).padStart(6)} ms (${range})`);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
}

await runBench(async () => {
  if (values.model === undefined) return await main();
  console.log(JSON.stringify(await measureOnce(values.model, values.precision)));
});
