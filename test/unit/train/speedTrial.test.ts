import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StoppableWork } from '#moco/native/stoppableWork.js';
import { measureSpeed, trialSeconds } from '#moco/train/speedTrial.js';
import { failure } from '../../support/failure.js';
import { NativeTrainerDouble } from '../../support/trainerDouble.js';

const work = (signal?: AbortSignal) => new StoppableWork('the training', signal);

/** A clock that goes on by so many milliseconds whenever it is looked at. */
function clock(...intervals: number[]): () => number {
  let time = 0;
  return () => {
    time += intervals.shift() ?? 0;
    return time;
  };
}

test('a trial takes a fiftieth of the budget, within limits', () => {
  assert.deepEqual([60, 1000, 3600, 8 * 3600].map(trialSeconds), [3, 20, 60, 60]);
});

test('steps are made until there are enough, then an evaluation and a copy of the state', async () => {
  const native = new NativeTrainerDouble();
  const speed = await measureSpeed(native, work(), 3, clock(0, 7000, 0, 250));
  assert.deepEqual(speed, {
    secondsPerStep: 0.5,
    secondsPerEvaluation: 7,
    secondsPerSave: 0.25,
  });
  assert.deepEqual(native.calls, ['train 1', 'train 2', 'evaluate', 'snapshot']);
  assert.equal(native.openSnapshots, 0);
});

test('the first steps of a process do not count', async () => {
  const native = new NativeTrainerDouble();
  const train = native.trainEpoch.bind(native);
  let before = 0;
  native.trainEpoch = (epoch, first, onSteps, last) =>
    train(epoch, first, (rows) => onSteps(rows.map(slowAtFirst)), last);
  /** The first two steps take 90 s: the sixth of eight numbers of a row. */
  function slowAtFirst(value: number, column: number): number {
    return column % 8 === 5 && ++before <= 2 ? 90 : value;
  }
  assert.equal((await measureSpeed(native, work(), 3)).secondsPerStep, 0.5);
});

test('a signal ends a trial', async () => {
  const controller = new AbortController();
  const native = new NativeTrainerDouble({ pause: 5 });
  const measuring = measureSpeed(native, work(controller.signal), 1e6);
  setTimeout(() => controller.abort(), 20);
  await failure(measuring, 'ERR_MOCO_ABORTED');
  assert.equal(native.isRunning, false);
});
