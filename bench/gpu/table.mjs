#!/usr/bin/env node
// A table of contestants on a GPU: PyTorch and ours, training steps and kNN; for bench/gpu.sh.
//
//   node bench/gpu/table.mjs --out DIR [--name table] [--contestants all|best|ours] [--seconds 500]
//                            [--python python3] [--device cuda] [--smoke] [--compile-only]
//
// Writes NAME.json and NAME.md after every round. --smoke runs tiny sizes, --compile-only only what
// torch.compile makes, once, so that it is in PyTorch's cache for the real thing. Exit code 1 where a
// contestant failed.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { comparisons, compiledContestants, sizes } from './contestants.mjs';
import { comparisonTable, settingText } from './markdown.mjs';
import { measure } from './measure.mjs';

const text = (fallback) => ({ type: 'string', default: fallback });
const { values: options } = parseArgs({
  options: {
    ...{ out: text(), name: text('table'), contestants: text('all'), seconds: text('Infinity') },
    ...{ python: text('python3'), device: text('cuda') },
    smoke: { type: 'boolean', default: false },
    'compile-only': { type: 'boolean', default: false },
  },
});

/** Before the time is over, so many seconds are for ending. */
const SECONDS_TO_END = 5;

const secondsLeft = () => Number(options.seconds) - SECONDS_TO_END - performance.now() / 1000;

/**
 * Warms up what torch.compile makes, or ends where that fails. Both modes are compiled at once,
 * since one of them hardly uses the GPU meanwhile.
 */
async function compileOnly() {
  const chains = compiledContestants(options).map(async (contestants) => {
    for (const contestant of contestants) {
      const alone = { ...contestant, warmUpSeconds: 600 };
      const { device } = options;
      await measure({ contestants: [alone], rounds: 0, device, secondsLeft }, () => {});
    }
  });
  await Promise.all(chains);
  return true;
}

/** Whether all contestants ran to their end. */
async function measureAll() {
  const done = [];
  for (const { title, contestants, rounds } of comparisons(options)) {
    console.error(title);
    const save = (results) => write([...done, { title, results }]);
    const { device } = options;
    const results = await measure({ contestants, rounds, device, secondsLeft }, save);
    done.push({ title, results });
  }
  return done.every(({ results }) => results.every(({ failure }) => !failure));
}

function write(measured) {
  const setting = sizes(options);
  const json = JSON.stringify({ setting, comparisons: measured }, null, 2);
  writeFileSync(join(options.out, `${options.name}.json`), `${json}\n`);
  const tables = measured.map(comparisonTable);
  const text = ['# Benchmarks\n', `${settingText(setting)}\n`, HOW_TO_READ, ...tables].join('\n');
  writeFileSync(join(options.out, `${options.name}.md`), `${text}\n`);
}

const HOW_TO_READ = `Contestants ran interleaved, A B C … A B C …: medians (and ranges) over the rounds, each round's own
ratio. PyTorch's pictures lie on the GPU, normalised, and making them is not in its time; ours makes its views in
its time. The first step or evaluation of ours, timed alone, is that in which libraries choose their algorithms.
Memory is what the process took of the GPU, CUDA's own context included.
`;

mkdirSync(options.out, { recursive: true });
const haveAllRun = await (options['compile-only'] ? compileOnly() : measureAll());
process.exit(haveAllRun ? 0 : 1); // ends contestants that hang, too
