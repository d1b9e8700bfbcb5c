import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TrainConfigInput } from '#moco/config/trainConfig.js';
import { packageRoot } from '#moco/packageRoot.js';
import { recipeAdvice } from '#moco/train/recipeAdvice.js';
import { trainConfig } from '../../support/trainerDouble.js';

/** What is said of a run on so many pictures. */
function advice(input: TrainConfigInput, trainPictures = 50_000): string[] {
  const config = trainConfig(input);
  const stepsPerEpoch = Math.floor(trainPictures / config.batchSize);
  const dataset = { trainPictures } as Parameters<typeof recipeAdvice>[1]['dataset'];
  return recipeAdvice(config, { stepsPerEpoch, dataset });
}

const example = (name: string): TrainConfigInput =>
  JSON.parse(readFileSync(join(packageRoot, 'examples', `${name}.json`), 'utf8'));

test("the reference's settings, and all examples, are as they should be", () => {
  assert.deepEqual(advice({}), []);
  for (const name of ['cifar10', 'gpu', 'shapes', 'small-machine']) {
    const input = example(name);
    assert.deepEqual(advice(input, input.trainLimit), [], name);
  }
});

test('a queue that is longer than the data set is told of', () => {
  assert.deepEqual(advice({ m: 50_000 }), []);
  const [told, ...more] = advice({ m: 50_001 });
  assert.match(
    told ?? '',
    /^m: the queue of 50001 keys is longer than the 50000 training pictures/,
  );
  assert.deepEqual(more, []);
});

test('a momentum that is too slow for the number of steps is told of, with one that is not', () => {
  // 257 epochs of 195 steps are the fewest of which 1000 steps are at most 2 %.
  assert.deepEqual(advice({ epochs: 257 }), []);
  assert.deepEqual(advice({ epochs: 256 }), [
    "momentum: with 0.999, the key encoder lags about 1000 steps behind, more than 2 % of the run's 49920; 0.998 suits a run of this length",
  ]);
  assert.deepEqual(advice({ epochs: 256, momentum: 0.998 }), []);
  assert.match(advice({ epochs: 2 })[0] ?? '', /; 0\.99 suits/);
  assert.match(advice({ momentum: 1 })[0] ?? '', /the key encoder stays as it was at the start;/);
});

test('a momentum of 0.99 is fast enough for any run, and a run of few steps is none', () => {
  assert.deepEqual(advice({ epochs: 1, momentum: 0.99 }), []);
  assert.deepEqual(advice({ epochs: 1, trainLimit: 5000 }, 5000), []);
});

test('too few pictures for BatchNorm are told of, with the setting that decides it', () => {
  assert.deepEqual(advice({ batchSize: 16 }), []);
  assert.match(advice({ batchSize: 15 })[0] ?? '', /^batchSize: BatchNorm has 15 pictures/);
  assert.deepEqual(advice({ batchNormGroups: 16 }), []);
  assert.match(
    advice({ batchNormGroups: 32 })[0] ?? '',
    /^batchNormGroups: BatchNorm has 8 pictures/,
  );
});

test('a warm-up that takes much of a short run is told of', () => {
  const run = { schedule: 'cosine', momentum: 0.99, batchSize: 250 } as const; // 200 steps an epoch
  assert.deepEqual(advice({ ...run, epochs: 40, warmupEpochs: 10 }), []);
  assert.deepEqual(advice({ ...run, epochs: 39, warmupEpochs: 10 }), [
    "warmupEpochs: the learning rate rises over 2000 of the run's 7800 steps; give it fewer, or the run more",
  ]);
});
