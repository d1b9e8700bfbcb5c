import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BudgetWatch } from '#moco/train/budgetWatch.js';

const standing = (seconds: number, secondsLeft: number) => ({
  ...{ seconds, secondsLeft },
  stepsWithin: (more: number) => (more > 100 ? 100 + more : 0),
});

test('a run that will end late says by how much, and how it ends earlier', () => {
  const watch = new BudgetWatch(3600, 'results/P', {
    schedule: 'constant',
    momentumSchedule: 'constant',
    growFrom: 1,
  });
  assert.equal(watch.after(standing(1000, 2650)), undefined, 'by less than 3 %');
  assert.equal(
    watch.after(standing(2000, 2200)),
    'the run will end 10 min late, because its steps take longer than in the trial, and would have to end after step 1700 to be in time; it goes on all the same. Ctrl-C stops it with a checkpoint: moco train --resume results/P then goes on, and ends earlier with --steps n',
  );
});

test('it is said again only where it has become worse', () => {
  const watch = new BudgetWatch(3600, 'results/P', {
    schedule: 'constant',
    momentumSchedule: 'constant',
    growFrom: 1,
  });
  assert.match(watch.after(standing(2000, 2200)) ?? '', /10 min late/);
  assert.equal(watch.after(standing(2500, 1750)), undefined);
  assert.match(watch.after(standing(3000, 1800)) ?? '', /20 min late/);
});

test('a run that is over its time names no step, and one that is done is not late any more', () => {
  const watch = new BudgetWatch(3600, 'results/P', {
    schedule: 'constant',
    momentumSchedule: 'constant',
    growFrom: 1,
  });
  assert.match(watch.after(standing(3600, 200)) ?? '', /in the trial; it goes on/);
  assert.equal(watch.after(standing(9000, 0)), undefined);
});

test('where the learning rate follows the length, ending earlier has to be allowed', () => {
  const watch = new BudgetWatch(3600, 'results/P', {
    schedule: 'cosine',
    momentumSchedule: 'constant',
    growFrom: 1,
  });
  assert.match(watch.after(standing(2000, 2200)) ?? '', /earlier with --steps n --override steps$/);
});
