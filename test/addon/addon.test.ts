import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadAddon } from '#moco/native/load.js';
import { type NativeTrainerOptions, STEP_COLUMNS } from '#moco/native/trainer.js';
import { smallPictures } from '../support/smallPictures.js';

const STEPS = 4;

function options(changes: Partial<NativeTrainerOptions> = {}): NativeTrainerOptions {
  return {
    train: smallPictures(8 * STEPS),
    test: smallPictures(10),
    classes: 10,
    mean: [0.5, 0.5, 0.5],
    std: [0.25, 0.25, 0.25],
    arch: 'resnet18',
    featureDim: 16,
    queueLength: 12,
    temperature: 0.2,
    momentum: 0.99,
    neighbours: 3,
    batchSize: 8,
    batchNormGroups: 1,
    learningRate: 1e-3,
    weightDecay: 1e-6,
    seed: 1,
    device: 'cpu',
    precision: 'fp32',
    dataThreads: 1,
    computeThreads: 1,
    checkpoint: undefined,
    ...changes,
  };
}

test('all rows of an epoch have arrived when its promise settles', async () => {
  const trainer = await loadAddon().createTrainer(options());
  const steps: number[] = [];
  await trainer.trainEpoch(1, 1, (rows) => {
    for (let start = 0; start < rows.length; start += STEP_COLUMNS)
      steps.push(rows[start] as number);
  });
  assert.deepEqual(steps, [1, 2, 3, 4]);
  await trainer.dispose();
});

test('what the callback throws rejects the epoch, and the trainer goes on', async () => {
  const trainer = await loadAddon().createTrainer(options());
  const thrower = () => {
    throw new Error('from the callback');
  };
  await assert.rejects(trainer.trainEpoch(1, 1, thrower), { message: 'from the callback' });
  await trainer.trainEpoch(2, 1, () => {});
  await trainer.dispose();
});

test('a stopped epoch says how far it came, and goes on from there', async () => {
  const trainer = await loadAddon().createTrainer(options());
  const stopped = trainer.trainEpoch(1, 1, () => {});
  trainer.stop();
  const last = await stopped;
  assert.ok(last < STEPS);
  const steps: number[] = [];
  const record = (rows: Float64Array) => {
    for (let start = 0; start < rows.length; start += STEP_COLUMNS)
      steps.push(rows[start] as number);
  };
  assert.equal(await trainer.trainEpoch(1, last + 1, record), STEPS);
  assert.deepEqual(
    steps,
    [1, 2, 3, 4].filter((step) => step > last),
  );
  await trainer.dispose();
});

test('a disposed trainer takes no more work and can be disposed of again', async () => {
  const trainer = await loadAddon().createTrainer(options());
  await trainer.dispose();
  await trainer.dispose();
  await assert.rejects(trainer.evaluate(), { code: 'ERR_MOCO_DISPOSED' });
});

test('what cannot be trained is refused with a code and a hint', async () => {
  const refused = (changes: Partial<NativeTrainerOptions>, expected: object) =>
    assert.rejects(loadAddon().createTrainer(options(changes)), expected);
  await refused(
    { neighbours: 33 },
    { code: 'ERR_MOCO_CONFIG', message: /k: 33 is more than the 32/ },
  );
  await refused({ batchSize: 0 }, { code: 'ERR_MOCO_CONFIG', message: /batchSize: 0/ });
  await refused({ arch: 'vgg' }, { code: 'ERR_MOCO_CONFIG', hint: /resnet18/ });
  await refused({ classes: 5 }, { code: 'ERR_MOCO_DATA', message: /label 5/ });
});

test('options of the wrong type are refused at once', () => {
  const wrong = { ...options(), seed: 'one' } as unknown as NativeTrainerOptions;
  assert.throws(() => loadAddon().createTrainer(wrong), /seed must be a number/);
  const short = { ...options(), train: { ...smallPictures(4), count: 5 } };
  assert.throws(() => loadAddon().createTrainer(short), /pixels must be a Uint8Array of 960 bytes/);
});
