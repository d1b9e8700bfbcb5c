import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from '#moco/config/resolve.js';
import { settledKeys } from '#moco/config/settledKeys.js';
import { type TrainConfigInput, trainCommand } from '#moco/config/trainConfig.js';
import { MocoError } from '#moco/error.js';
import type { NativeAddon } from '#moco/native/addon.js';
import { runFiles } from '#moco/train/runFiles.js';
import { settledFor } from '#moco/train/settled.js';
import { addonError } from '../../support/addonError.js';
import { foundInput } from '../../support/foundInput.js';

const INPUT = foundInput({ train: 50_000, test: 10_000, source: 'of cifar10' });

const settings = (input: TrainConfigInput) => parseConfig(trainCommand, input);

/** Stands in for the addon: chooses 512 and keeps what it was asked. */
function chooser() {
  const demands: Parameters<NativeAddon['chooseBatchSize']>[] = [];
  const chooseBatchSize: NativeAddon['chooseBatchSize'] = (...demand) => {
    demands.push(demand);
    return 512;
  };
  return { demands, addon: () => ({ chooseBatchSize }) };
}

test("a batch size that is given is kept, and the addon isn't asked", () => {
  const { demands, addon } = chooser();
  assert.equal(settledFor(settings({ batchSize: 96 }), INPUT, addon).batchSize, 96);
  assert.equal(demands.length, 0);
});

test("auto becomes the number that fits, in the files' names, too", () => {
  const asked = settings({ batchSize: 'auto' });
  const config = { ...asked, ...settledFor(asked, INPUT, chooser().addon) };
  assert.equal(config.batchSize, 512);
  assert.match(runFiles(config).directory, /_200_512_500$/);
});

test('what is chosen for is the run with its pictures', () => {
  const { demands, addon } = chooser();
  const run = { trainLimit: 20_000, validation: 500, cudaGraph: false, dataThreads: 3 } as const;
  const asked = settings({ batchSize: 'auto', ...run });
  settledFor(asked, { ...INPUT, imageSize: 96, storedSize: 112, staysInFile: true }, addon);
  assert.deepEqual(demands, [
    [
      { ...asked, ...settledKeys(asked, 96), batchSize: 0 },
      { train: 19_500, test: 500, height: 112, width: 112, staysInFile: true },
    ],
  ]);
});

test('where nothing fits, the error is ours', () => {
  const chooseBatchSize = () => {
    throw addonError('ERR_MOCO_OUT_OF_MEMORY', 'batchSize auto: even 32 pictures …');
  };
  const choose = () =>
    settledFor(settings({ batchSize: 'auto' }), INPUT, () => ({ chooseBatchSize }));
  assert.throws(choose, (error) => {
    return error instanceof MocoError && error.code === 'ERR_MOCO_OUT_OF_MEMORY';
  });
});

test('the stem goes by the size of the views, unless one is asked for', () => {
  const stemAt = (imageSize: number, stem: 'auto' | 'cifar' = 'auto') =>
    settledFor(settings({ stem }), { ...INPUT, imageSize }, chooser().addon).stem;
  assert.deepEqual(
    [32, 64, 65, 224].map((size) => stemAt(size)),
    ['cifar', 'cifar', 'imagenet', 'imagenet'],
  );
  assert.equal(stemAt(224, 'cifar'), 'cifar');
});
