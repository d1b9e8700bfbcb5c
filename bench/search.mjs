#!/usr/bin/env node
// Exact search for the nearest of many features, ours against faiss's flat index.
//
//   node bench/search.mjs [--python python3] [--rows 100000] [--dims 2048] [--k 10]
//                         [--rounds 7] [--threads 2]
//
// The Python must have faiss (faiss-cpu) and numpy; see bench/search_reference.py for its side. Both
// search the same normalised features: noise around 100 centres, and none is negative, as after a ReLU.
// They lie in a temporary file, which ours maps into memory and faiss copies. A million rows of 2048
// numbers take 8 GB there, 8 GB of faiss's memory, and 2 GB of ours for codes.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readFeatureFile } from '../dist/features/featureFile.js';
import { writeFeatureFile } from '../dist/features/writeFeatureFile.js';
import { NeighbourIndex } from '../dist/index.js';
import { median, positiveInteger, runBench, secondsOf, startWorker } from './harness.mjs';

const QUERIES = [1, 16, 256];
const CENTRES = 100;

function options() {
  const counts = {
    rows: 100_000,
    dims: 2048,
    k: 10,
    rounds: 7,
    threads: os.availableParallelism(),
  };
  const flags = Object.entries(counts).map(([name, number]) => [
    name,
    { type: 'string', default: `${number}` },
  ]);
  const { values } = parseArgs({
    options: { python: { type: 'string', default: 'python3' }, ...Object.fromEntries(flags) },
  });
  const numbers = Object.keys(counts).map((name) => [name, positiveInteger(name, values[name])]);
  return { python: values.python, ...Object.fromEntries(numbers) };
}

/** Makes normalised features, the same in every run. */
class Features {
  #state = 1;
  #centres;

  constructor(dims) {
    this.dims = dims;
    this.#centres = Array.from({ length: CENTRES }, () => this.#noise());
  }

  /** The next features, count × dims. */
  take(count) {
    const rows = new Float32Array(count * this.dims);
    for (let row = 0; row < count; row++) {
      const centre = this.#centres[this.#next() % CENTRES];
      const values = this.#noise().map((noise, at) => Math.max(0, centre[at] + 0.7 * noise));
      const length = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
      rows.set(
        values.map((value) => value / length),
        row * this.dims,
      );
    }
    return rows;
  }

  #next() {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return this.#state >>> 8;
  }

  /** Sums of four uniform numbers, which are nearly normal. */
  #noise() {
    const uniform = () => this.#next() / 2 ** 24 - 0.5;
    return Float32Array.from({ length: this.dims }, () => {
      return (uniform() + uniform() + uniform() + uniform()) * Math.sqrt(3);
    });
  }
}

async function writeFeatures(path, { rows, dims }) {
  const features = new Features(dims);
  const piece = 1000;
  function* chunks() {
    for (let first = 0; first < rows; first += piece) {
      yield new Uint8Array(features.take(Math.min(piece, rows - first)).buffer);
    }
  }
  const ids = Array.from({ length: rows }, (_, row) => `${row}`);
  const meta = { version: 1, mocoVersion: 'bench', normalized: true, metric: 'cosine' };
  await writeFeatureFile(path, { dtype: 'F32', count: rows, dims, ids, meta }, chunks());
  return features.take(Math.max(...QUERIES));
}

const spread = (ratios) =>
  `${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)} – ${Math.max(...ratios).toFixed(2)})`;

async function compare(folder, { python, rows, dims, k, rounds, threads }) {
  const file = join(folder, 'features.safetensors');
  const queries = await writeFeatures(file, { rows, dims });
  const queryFile = join(folder, 'queries.f32');
  await writeFile(queryFile, queries);
  const { offset } = await readFeatureFile(file);
  const settings = { file, offset, rows, dims, queries: queryFile, k, threads };
  const faiss = await startWorker(python, 'search_reference.py', settings);
  const codes = await NeighbourIndex.load(file, { threads, firstPass: 'auto' });
  const products = await NeighbourIndex.load(file, { threads, firstPass: 'none' });
  try {
    console.log(
      `rows ${rows}, dims ${dims}, k ${k}, threads ${threads}, faiss ${faiss.hello.version}`,
    );
    console.log(
      `\n| queries | faiss, ms | moco, ms | × faiss | without codes | rows found alike |`,
    );
    console.log('|---|---|---|---|---|---|');
    for (const count of QUERIES) {
      const some = queries.subarray(0, count * dims);
      const times = { faiss: [], codes: [], products: [] };
      let alike = 0;
      for (let round = -1; round < rounds; round++) {
        const reference = await faiss.ask(count);
        let found;
        const ours = await secondsOf(async () => {
          found = await codes.search(some, { k });
        });
        const plain = await secondsOf(() => products.search(some, { k }));
        if (round < 0) continue; // warms up
        times.faiss.push(reference.seconds);
        times.codes.push(ours);
        times.products.push(plain);
        alike = reference.found.filter((row, at) => row === found.rows[at]).length / (count * k);
      }
      const against = (name) => spread(times[name].map((time, at) => times.faiss[at] / time));
      const ms = (name) => (median(times[name]) * 1000).toFixed(1);
      console.log(
        `| ${count} | ${ms('faiss')} | ${ms('codes')} | ${against('codes')} | ${against('products')} | ${(alike * 100).toFixed(1)} % |`,
      );
    }
  } finally {
    faiss.quit();
    await Promise.all([codes.dispose(), products.dispose()]);
  }
}

await runBench(async () => {
  const folder = await mkdtemp(join(os.tmpdir(), 'moco-search-'));
  try {
    await compare(folder, options());
  } finally {
    await rm(folder, { recursive: true });
  }
});
