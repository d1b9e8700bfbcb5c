import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadAddon } from '#moco/native/load.js';
import { smallDataset, smallPictures } from '../support/smallPictures.js';
import { temporaryFolder } from '../support/temporaryFolder.js';
import { trainConfig, trainerOn } from '../support/trainerDouble.js';

const PICTURES = 620;

test('a run on pictures that are all the same warns that it has collapsed', async (context) => {
  const [picture] = [smallPictures(1).pixels];
  const train = smallPictures(PICTURES);
  for (let index = 0; index < PICTURES; index++) train.pixels.set(picture, index * picture.length);
  const input = {
    ...({ out: temporaryFolder(context), arch: 'resnet18', featureDim: 16, m: 2, k: 1 } as const),
    ...({ batchSize: 2, epochs: 1, device: 'cpu', threads: 1, dataThreads: 1 } as const),
  };
  const dataset = { ...smallDataset(2, 2), train };
  const native = await loadAddon().createTrainer(trainConfig(input), dataset);
  const warnings: string[] = [];
  for await (const event of trainerOn(native, input).run()) {
    if (event.type === 'warning') warnings.push(event.message);
  }
  await native.dispose();
  assert.equal(warnings.filter((message) => /^the run has collapsed/.test(message)).length, 1);
});
