#!/usr/bin/env node
// What training steps lose beside other busy processes, by the number of threads that compute and by how
// long OpenMP lets them spin before they sleep while they wait for each other.
//
//   node bench/busy.mjs [--arch resnet18] [--batch-size 32] [--steps 4] [--rounds 5] [--threads 2]
//
// Beside none, one … as many busy processes as there are threads, and beside one of low priority, the
// contestants run interleaved, each in a process of its own. Each round's own ratio to one thread counts.
// It runs best on as many cores as threads (taskset), which nothing else uses.

import { spawn } from 'node:child_process';
import { constants, setPriority } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { median, readOptions, runBench, startWorker } from './harness.mjs';

/** GNU OpenMP's own spin count, and smaller ones. */
const SPIN_COUNTS = [0, 2000, 20_000, 300_000];

/** Each contestant's name and environment; the first is the baseline. */
function contestants(threads) {
  const spinning = SPIN_COUNTS.map((count) => ({
    name: `${threads} threads, ${count} spins`,
    env: { OMP_NUM_THREADS: `${threads}`, GOMP_SPINCOUNT: `${count}` },
  }));
  return [{ name: '1 thread', env: { OMP_NUM_THREADS: '1' } }, ...spinning];
}

function loads(threads) {
  const { PRIORITY_LOW, PRIORITY_NORMAL } = constants.priority;
  const counts = Array.from({ length: threads + 1 }, (_, processes) => ({
    ...{ name: `${processes} busy`, processes, priority: PRIORITY_NORMAL },
  }));
  return [...counts, { name: '1 busy, nice 19', processes: 1, priority: PRIORITY_LOW }];
}

function startBusy({ processes, priority }) {
  return Array.from({ length: processes }, () => {
    const child = spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' });
    if (priority !== constants.priority.PRIORITY_NORMAL) setPriority(child.pid, priority);
    return child;
  });
}

/** Seconds and seconds without a core, by load, contestant and round. */
async function measure(options, allLoads, workers) {
  const results = allLoads.map(() => workers.map(() => []));
  for (let round = 0; round <= options.rounds; round++) {
    for (const [at, load] of allLoads.entries()) {
      const busy = startBusy(load);
      try {
        await sleep(300); // until they are at work
        for (const [index, worker] of workers.entries()) {
          const { seconds, secondsWithoutCore } = await worker.ask('run');
          if (round > 0) results[at][index].push({ seconds, secondsWithoutCore }); // round 0 warms up
        }
      } finally {
        for (const child of busy) child.kill('SIGKILL');
      }
    }
  }
  return results;
}

function printRow(name, runs, baseline, steps) {
  const milliseconds = (1000 * median(runs.map(({ seconds }) => seconds))) / steps;
  const speeds = runs.map(({ seconds }, round) => baseline[round].seconds / seconds);
  const range = `${Math.min(...speeds).toFixed(2)} – ${Math.max(...speeds).toFixed(2)}`;
  const waited = median(runs.map((run) => run.secondsWithoutCore / run.seconds));
  const cells = [name, `${milliseconds.toFixed(0)} ms`, `${median(speeds).toFixed(2)} (${range})`];
  console.log(`| ${[...cells, `${(100 * waited).toFixed(0)} %`].join(' | ')} |`);
}

await runBench(async () => {
  const { python: _, json: __, ...options } = readOptions({ 'batch-size': 32, steps: 4 });
  const { arch, threads, rounds, steps } = options;
  const all = contestants(threads);
  const allLoads = loads(threads);
  const workers = [];
  try {
    for (const { env } of all) {
      const work = {
        work: 'step',
        device: 'cpu',
        arch,
        steps,
        'batch-size': options['batch-size'],
      };
      workers.push(await startWorker(process.execPath, 'ours.mjs', work, env));
    }
    const results = await measure(options, allLoads, workers);
    console.log(`${arch}, batch ${options['batch-size']}, ${rounds} rounds of ${steps} steps\n`);
    console.log(
      '| beside | contestant | step (median) | × 1 thread (median, range) | without a core |',
    );
    console.log('|---|---|---|---|---|');
    for (const [at, load] of allLoads.entries()) {
      for (const [index, { name }] of all.entries()) {
        printRow(`${load.name} | ${name}`, results[at][index], results[at][0], steps);
      }
    }
  } finally {
    for (const worker of workers) worker.quit();
  }
});
