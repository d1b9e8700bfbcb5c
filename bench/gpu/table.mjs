#!/usr/bin/env node
// The benchmark table of a GPU: PyTorch and ours, training steps and kNN; for bench/gpu.sh.
//
//   node bench/gpu/table.mjs --out DIR [--python python3] [--device cuda] [--smoke] [--compile-only]
//
// Writes table.json and table.md after every round. --smoke runs tiny sizes, --compile-only only what
// torch.compile makes, once, so that it is in PyTorch's cache for the real thing. Exit code 1 where a
// contestant failed.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readBuildRecord } from '../../dist/native/buildRecord.js';
import { loadAddon } from '../../dist/native/load.js';
import { packageRoot } from '../../dist/packageRoot.js';
import { comparisons, compiledContestants, sizes } from './contestants.mjs';
import { comparisonTable } from './markdown.mjs';
import { measure, queryGpu } from './measure.mjs';

const { values: options } = parseArgs({
  options: {
    out: { type: 'string' },
    python: { type: 'string', default: 'python3' },
    device: { type: 'string', default: 'cuda' },
    smoke: { type: 'boolean', default: false },
    'compile-only': { type: 'boolean', default: false },
  },
});

/**
 * Warms up what torch.compile makes, or ends where that fails. Both modes are compiled at once,
 * since one of them hardly uses the GPU meanwhile.
 */
async function compileOnly() {
  const chains = compiledContestants(options).map(async (contestants) => {
    for (const contestant of contestants) {
      const alone = { ...contestant, warmUpSeconds: 600 };
      await measure({ contestants: [alone], rounds: 0, device: options.device }, () => {});
    }
  });
  await Promise.all(chains);
  return true;
}

/** Whether all contestants ran to their end. */
async function measureAll() {
  const done = [];
  for (const { contestants, rounds, ...comparison } of comparisons(options)) {
    console.error(comparison.title);
    const save = (results) => write([...done, withValues(comparison, results)]);
    const results = await measure({ contestants, rounds, device: options.device }, save);
    done.push(withValues(comparison, results));
    write(done);
  }
  return done.every(({ results }) => results.every(({ failure }) => !failure));
}

function withValues({ title, unit, toValue }, results) {
  return { title, unit, results: results.map((r) => ({ ...r, values: r.seconds.map(toValue) })) };
}

function write(measured) {
  const setting = { ...machine(), ...sizes(options) };
  const json = JSON.stringify({ setting, comparisons: measured }, null, 2);
  writeFileSync(join(options.out, 'table.json'), `${json}\n`);
  const settings = Object.entries(setting).map(([key, value]) => `${key} ${JSON.stringify(value)}`);
  const tables = measured.map(comparisonTable);
  const text = ['# Benchmarks\n', `${settings.join(', ')}\n`, HOW_TO_READ, ...tables].join('\n');
  writeFileSync(join(options.out, 'table.md'), `${text}\n`);
}

const HOW_TO_READ = `Contestants ran interleaved, A B C … A B C …: medians (and ranges) over the rounds, each round's own
ratio. PyTorch's pictures lie on the GPU, normalised, and making them is not in its time; ours makes its views in
its time. Memory is what the process took of the GPU, CUDA's own context included.
`;

let known;

function machine() {
  known ??= {
    gpu: options.device === 'cpu' ? 'none' : queryGpu('name,driver_version,memory.total'),
    cpu: loadAddon().hardware().cpuName,
    node: process.version,
    libtorch: loadAddon().libtorchVersion,
    nvcc: readBuildRecord(packageRoot)?.nvcc,
    torch: pythonPrints('import torch; print(torch.__version__, torch.backends.cudnn.version())'),
    date: new Date().toISOString().slice(0, 10),
  };
  return known;
}

function pythonPrints(program) {
  return execFileSync(options.python, ['-c', program], { encoding: 'utf8' }).trim();
}

mkdirSync(options.out, { recursive: true });
const haveAllRun = await (options['compile-only'] ? compileOnly() : measureAll());
process.exit(haveAllRun ? 0 : 1); // ends contestants that hang, too
