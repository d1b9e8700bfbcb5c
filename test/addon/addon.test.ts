import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MEASURE_NAMES } from '#moco/config/measures.js';
import { parseConfig } from '#moco/config/resolve.js';
import { type TrainConfig, trainCommand } from '#moco/config/trainConfig.js';
import type { NativeDataset } from '#moco/native/input.js';
import { loadAddon } from '#moco/native/load.js';
import { STEP_COLUMNS } from '#moco/native/trainer.js';
import { smallDataset, smallPictures } from '../support/smallPictures.js';

const STEPS = 4;

const dataset = smallDataset(8 * STEPS, 10);

const config: TrainConfig = {
  ...parseConfig(trainCommand, { arch: 'resnet18', featureDim: 16, m: 12, temperature: 0.2, k: 3 }),
  ...{ imageSize: 8, stem: 'cifar', knnTemperature: 0.2, evalEvery: 1 },
  ...{ batchSize: 8, seed: 1, device: 'cpu', precision: 'fp32', dataThreads: 1, threads: 1 },
};

/** @param others than the settings and the pictures of these tests */
function createTrainer(others: object = {}, pictures: Partial<NativeDataset> = {}) {
  return loadAddon().createTrainer({ ...config, ...others }, { ...dataset, ...pictures });
}

test('all rows of an epoch have arrived when its promise settles', async () => {
  const trainer = await createTrainer();
  const steps: number[] = [];
  await trainer.trainEpoch(1, 1, (rows) => {
    for (let start = 0; start < rows.length; start += STEP_COLUMNS)
      steps.push(rows[start] as number);
  });
  assert.deepEqual(steps, [1, 2, 3, 4]);
  await trainer.dispose();
});

test('what the callback throws rejects the epoch, and the trainer goes on', async () => {
  const trainer = await createTrainer();
  const thrower = () => {
    throw new Error('from the callback');
  };
  await assert.rejects(trainer.trainEpoch(1, 1, thrower), { message: 'from the callback' });
  await trainer.trainEpoch(2, 1, () => {});
  await trainer.dispose();
});

test('a stopped epoch says how far it came, and goes on from there', async () => {
  const trainer = await createTrainer();
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
  const trainer = await createTrainer();
  await trainer.dispose();
  await trainer.dispose();
  await assert.rejects(trainer.evaluate(), { code: 'ERR_MOCO_DISPOSED' });
});

test('an evaluation tells kNN accuracy, and everything that is measured without labels', async () => {
  const trainer = await createTrainer();
  const { top1, top5, measures } = await trainer.evaluate();
  await trainer.dispose();
  assert.ok(top1 !== undefined && top5 !== undefined && top1 <= top5);
  assert.deepEqual(Object.keys(measures ?? {}), MEASURE_NAMES);
  assert.ok(Object.values(measures ?? {}).every(Number.isFinite));
});

test('without labels, an evaluation tells only what is measured without them', async () => {
  const unlabelled = (count: number) => {
    const pictures = smallPictures(count);
    return { ...pictures, labels: pictures.labels.fill(-1) };
  };
  const splits = { train: unlabelled(8 * STEPS), test: unlabelled(10), classes: [] };
  const trainer = await createTrainer({ k: 1000 }, splits);
  assert.deepEqual(Object.keys(await trainer.evaluate()), ['measures']);
  await trainer.dispose();
});

test('what cannot be trained is refused with a code and a hint', async () => {
  const refused = (others: object, expected: object) =>
    assert.rejects(createTrainer(others), { code: 'ERR_MOCO_CONFIG', ...expected });
  await refused({ k: 33 }, { message: /k: 33 is more than the 32/ });
  await refused({ batchSize: 0 }, { message: /batchSize: 0/ });
  await refused({ threads: 0 }, { message: /threads: 0/ });
  await refused({ arch: 'vgg' }, { hint: /resnet18/ });
  const classes = dataset.classes.slice(0, 5);
  const five = { code: 'ERR_MOCO_DATA', message: /label 5/ };
  await assert.rejects(createTrainer({}, { classes }), five);
});

test('settings and pictures of the wrong type are refused at once', () => {
  const wrong = (others: object) => () => createTrainer(others);
  assert.throws(wrong({ seed: 'one' }), /seed must be a number/);
  assert.throws(wrong({ seed: -1 }), /seed must not be negative/);
  assert.throws(wrong({ k: 2.5 }), /k must be a whole number/);
  assert.throws(wrong({ threads: 'some' }), /threads must be a number/);
  assert.throws(wrong({ device: 0 }), /device must be a string/);
  assert.throws(wrong({ tf32: 1 }), /tf32 must be true or false/);
  const train = (others: object) => () =>
    createTrainer({}, { train: { ...smallPictures(4), ...others } });
  const elements = (text: string) => new RegExp(`must be a typed array of ${text} bits`);
  assert.throws(train({ count: 5 }), elements('5 elements of 32'));
  assert.throws(train({ pixels: new Uint8Array(5) }), elements('768 elements of 8'));
  assert.throws(train({ labels: new Uint32Array(4) }), elements('4 elements of 32'));
  const place = { path: 'pictures.moco', offset: 0, pictures: 9 };
  const rows = new Int32Array(4);
  assert.throws(train({ pixels: { ...place, rows } }), elements('4 elements of 32'));
  assert.throws(train({ pixels: { ...place, path: 5 } }), /path must be a string/);
  const colours = (mean: unknown) => () => createTrainer({}, { mean } as object);
  assert.throws(colours(['0.5', 0.5, 0.5]), /mean must be an array of numbers/);
  assert.throws(colours([0.5, 0.5]), /mean must have 3 numbers/);
});

/** Keys of a configuration that src/train alone reads. */
const NOT_FOR_THE_ADDON = [
  ...['data', 'labels', 'split', 'testFraction', 'splitSeed', 'strict', 'storedSize'],
  ...['mean', 'std', 'initWeights', 'initPrefix'],
  ...['dataset', 'dataRoot', 'trainLimit', 'testLimit', 'validation', 'out'],
  ...['data', 'labels', 'split', 'testFraction', 'splitSeed', 'storedSize', 'strict'],
  ...['mean', 'std', 'initWeights', 'initPrefix'],
  ...[
    'recipe',
    'steps',
    'budget',
    'evalEvery',
    'evalUntrained',
    'bestBy',
    'checkpointEvery',
    'checkpointMinutes',
  ],
];

test('the addon reads every other key of the configuration, and misses one that is absent', () => {
  const keys = Object.keys(trainCommand.schema.shape);
  for (const key of keys.filter((key) => !NOT_FOR_THE_ADDON.includes(key))) {
    const missing = () => createTrainer({ [key]: undefined });
    assert.throws(missing, { name: 'TypeError', message: new RegExp(`^${key} must be `) });
  }
});
