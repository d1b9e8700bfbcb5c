#!/usr/bin/env node
// What it costs that pictures stay in a packed file: steps of the same training on pictures in memory,
// on as many in the file, and on all pictures of the file. Linux only, where memory is read from /proc.
//
//   node bench/generated-pack.mjs build/million.moco            # 12 GB, once
//   node bench/packed.mjs build/million.moco [--few 20000] [--steps 20] [--rounds 5]
import { parseArgs } from 'node:util';
import { openPacked } from '../dist/pictures/openPacked.js';
import { BenchFailure, positiveInteger, runBench, startWorker } from './harness.mjs';

await runBench(async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      few: { type: 'string', default: '20000' },
      steps: { type: 'string', default: '20' },
      rounds: { type: 'string', default: '5' },
    },
  });
  const [file] = positionals;
  if (positionals.length !== 1) throw new BenchFailure('name a packed file');
  const number = (name) => positiveInteger(name, values[name]);
  const [few, steps, rounds] = [number('few'), number('steps'), number('rounds')];
  const { count } = (await openPacked(file)).pixels;
  const start = (where, pictures) =>
    startWorker(process.execPath, 'packed-worker.mjs', { file, where, pictures });
  const contestants = {
    memory: await start('memory', few),
    file: await start('file', few),
    all: await start('file', count),
  };
  const ratios = { file: [], all: [] };
  const memory = {};
  for (let round = 0; round <= rounds; round++) {
    const seconds = {};
    for (const [name, { ask }] of Object.entries(contestants)) {
      const answer = await ask(steps);
      seconds[name] = answer.seconds;
      memory[name] = answer.memory;
    }
    if (round === 0) continue; // warms up
    for (const [name, list] of Object.entries(ratios)) list.push(seconds[name] / seconds.memory);
    const line = Object.entries(seconds).map(([name, each]) => `${name} ${each.toFixed(3)} s`);
    console.log(`round ${round}: ${line.join(', ')}`);
  }
  for (const { quit } of Object.values(contestants)) quit();
  const { pictures } = contestants.all.hello;
  console.log(`a step on ${few} pictures in the file: ${spread(ratios.file)} × that in memory`);
  console.log(`a step on ${pictures} pictures in the file: ${spread(ratios.all)} ×`);
  const mib = (name) => `${memory[name].toFixed(0)} MiB`;
  console.log(`memory at most: ${mib('memory')}; ${mib('file')}; ${mib('all')}`);
});

/** `1.003 (0.99–1.02)`: the median, the least and the most. */
function spread(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const [least, most] = [sorted[0], sorted.at(-1)];
  const median = sorted[Math.floor(sorted.length / 2)];
  return `${median.toFixed(3)} (${least.toFixed(2)}–${most.toFixed(2)})`;
}
