import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CoreWatch } from '#moco/train/coreWatch.js';
import type { StepRow } from '#moco/train/stepRows.js';

const row: StepRow = {
  ...{ step: 1, loss: 1, contrastiveAccuracy: 0, gradientNorm: 1, learningRate: 1, queueFill: 1 },
  ...{ seconds: 0.5, secondsWithoutCore: 0 },
};

/** What is said about steps of half a second each, in which no core was free for so long. */
function said(
  waits: readonly number[],
  computing: { device?: string; computeThreads?: number } = {},
) {
  const watch = new CoreWatch({ device: 'cpu', computeThreads: 2, ...computing });
  return waits.flatMap((secondsWithoutCore) => watch.after({ ...row, secondsWithoutCore }) ?? []);
}

const minute = (secondsWithoutCore: number) => Array<number>(120).fill(secondsWithoutCore);

test('a run that waits for cores says so once, with its share of the time and what to do', () => {
  assert.deepEqual(said(minute(0.17)), [
    '34 % of the time, this run waits for a core: other processes have them, or a quota is used up; 2 threads, which wait for each other, may then be slower than --threads 1, and a lower priority for the others (nice) helps',
  ]);
});

test('a run with one thread is not told to take fewer', () => {
  const [message, ...more] = said(minute(0.2), { computeThreads: 1 });
  assert.match(message ?? '', /^40 % .* quota is used up; a lower priority for the others/);
  assert.deepEqual(more, []);
});

test('the little that a run waits on a machine of its own is not worth a word', () => {
  assert.deepEqual(said(minute(0.05)), []);
});

test('a few slow seconds are not worth a word, and those of much later are', () => {
  assert.deepEqual(said([...minute(0).slice(0, 35), ...minute(0.4).slice(0, 5), ...minute(0)]), []);
  assert.equal(said([...minute(0), ...minute(0.4)]).length, 1);
});

test('a GPU that computes is not slowed by what the CPU is busy with', () => {
  assert.deepEqual(said(minute(0.4), { device: 'cuda:0' }), []);
});

test('a system that does not tell how long threads wait gives no warning', () => {
  assert.deepEqual(said(minute(0)), []);
});
