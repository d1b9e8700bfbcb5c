import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Stem } from '#moco/config/trainConfig.js';
import type { Layout } from '#moco/model/backboneLayout.js';
import type { NativeAddon } from '#moco/native/addon.js';
import type { NativeEncoderShape } from '#moco/native/encoder.js';
import { initialWeights } from '#moco/train/initialWeights.js';
import { failure } from '../../support/failure.js';
import {
  backboneOf,
  encoderLayout,
  prefixed,
  torchvisionLayout,
} from '../../support/resnetLayout.js';
import { writeZeros } from '../../support/safetensorsFile.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';
import { trainConfig } from '../../support/trainerDouble.js';

const folder = temporaryFolder();

const addon = {
  encoderLayout: ({ arch, featureDim, stem }: NativeEncoderShape) =>
    encoderLayout(arch, featureDim, stem as Stem),
} as unknown as NativeAddon;

/** What a run with a ResNet-18 and these settings takes over from a file. */
async function taken(layout: Layout, others: { stem?: Stem; featureDim?: number } = {}) {
  const path = join(folder, 'weights.safetensors');
  await writeZeros(path, layout);
  const config = trainConfig({ arch: 'resnet18', initWeights: path, ...others });
  const weights = await initialWeights(config, addon, undefined);
  const names = (weights?.source.tensors ?? []).map(({ name }) => name);
  return { names, notices: (weights?.notices ?? []).map((line) => line.replace(path, 'FILE')) };
}

const namesOf = (layout: Layout) => layout.map(({ name }) => name);

test('nothing is read where no weights are asked for', async () => {
  assert.equal(await initialWeights(trainConfig({}), addon, undefined), undefined);
});

test("all of one's own encoder is taken over, its head included", async () => {
  const layout = encoderLayout('resnet18');
  const { names, notices } = await taken(layout);
  assert.deepEqual(names, namesOf(layout));
  assert.equal(
    notices[0],
    `the run starts from ResNet-18 in FILE: ${names.length} tensors were taken over`,
  );
  assert.deepEqual(
    notices.filter((line) => line.startsWith('not taken over')),
    [],
  );
});

test('a head of another length is left', async () => {
  const { names, notices } = await taken(encoderLayout('resnet18', 64));
  assert.deepEqual(names, namesOf(backboneOf(encoderLayout('resnet18'))));
  assert.ok(
    notices.includes('not taken over: the projection head: its output has 64 numbers, not 128'),
  );
});

test("of torchvision's ResNet the backbone is taken, and its stem where the run has the same", async () => {
  const same = await taken(torchvisionLayout('resnet18'), { stem: 'imagenet' });
  assert.deepEqual(same.names, namesOf(backboneOf(encoderLayout('resnet18', 128, 'imagenet'))));
  assert.ok(same.notices.includes('not taken over: fc: no part of the encoder'));
  const other = await taken(torchvisionLayout('resnet18'));
  assert.deepEqual(
    other.names,
    same.names.filter((name) => !/^f\.[01]\./.test(name)),
  );
  assert.ok(
    other.notices.includes(
      'not taken over: the stem: the file has the imagenet stem, and the run the cifar stem',
    ),
  );
});

test('of several encoders the one that is named is taken', async () => {
  const [one, other] = ['one.', 'other.'].map((prefix) =>
    prefixed(prefix, backboneOf(encoderLayout('resnet18'))),
  ) as [Layout, Layout];
  const path = join(folder, 'several.safetensors');
  await writeZeros(path, [...one, ...other]);
  const config = trainConfig({ arch: 'resnet18', initWeights: path });
  await failure(initialWeights(config, addon, undefined), 'ERR_MOCO_CHECKPOINT');
  const named = await initialWeights({ ...config, initPrefix: 'one' }, addon, undefined);
  assert.equal(named?.source.tensors.length, one.length);
});

test('another architecture is refused, with the flag that fits', async () => {
  const error = await failure(taken(torchvisionLayout('resnet50')), 'ERR_MOCO_CHECKPOINT');
  assert.match(error.hint ?? '', /This is a ResNet-50; pass --arch resnet50\./);
});
