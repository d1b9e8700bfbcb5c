import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { type KnnConfigInput, knnCommand } from '#moco/config/knnConfig.js';
import { parseConfig } from '#moco/config/resolve.js';
import { measuredModel } from '#moco/evaluate/measuredModel.js';
import { DESCRIPTION_RECORD } from '#moco/formats/pth.js';
import { failure } from '../../support/failure.js';
import { encoderLayout, torchvisionLayout } from '../../support/resnetLayout.js';
import { writeZeros } from '../../support/safetensorsFile.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

const folder = temporaryFolder();
const modelPath = join(folder, 'model.safetensors');

/** How the model at `modelPath` is to be used. */
async function usage(config: KnnConfigInput = {}) {
  const measured = await measuredModel(parseConfig(knnCommand, { ...config, modelPath }));
  const { arch, width, stem, imageSize, mean, std } = measured.config;
  return { arch, width, stem, imageSize, mean, std };
}

const UNKNOWN = { imageSize: 'auto', mean: undefined, std: undefined };

test('architecture and stem are told by the tensors of any file', async () => {
  await writeZeros(modelPath, torchvisionLayout('resnet18'));
  assert.deepEqual(await usage(), { arch: 'resnet18', width: 1, stem: 'imagenet', ...UNKNOWN });
  await writeZeros(modelPath, encoderLayout('resnet50'));
  assert.deepEqual(await usage(), { arch: 'resnet50', width: 1, stem: 'cifar', ...UNKNOWN });
});

test('what is given is taken where the file does not say', async () => {
  await writeZeros(modelPath, encoderLayout('resnet18'));
  const given = { imageSize: 96, mean: [0.5, 0.4, 0.3], std: [0.2, 0.2, 0.1] };
  assert.deepEqual(await usage(given), { arch: 'resnet18', width: 1, stem: 'cifar', ...given });
});

const INPUT = { imageSize: 96, cropShare: 0.875, mean: [0.5, 0.4, 0.3], std: [0.2, 0.2, 0.1] };

/** Writes a ResNet-18 whose file says what it sees of a picture. */
async function writeTelling(): Promise<void> {
  const record = { format: 'moco-model', mocoVersion: '1.0.0', epoch: 3, config: {}, input: INPUT };
  const metadata = { [DESCRIPTION_RECORD]: JSON.stringify(record) };
  await writeZeros(modelPath, encoderLayout('resnet18'), (tensors) => {
    return { __metadata__: metadata, ...tensors };
  });
}

test('size and normalisation are what the file says', async () => {
  await writeTelling();
  const { imageSize, mean, std } = INPUT;
  const expected = { arch: 'resnet18', width: 1, stem: 'cifar', imageSize, mean, std };
  assert.deepEqual(await usage(), expected);
  assert.deepEqual(await usage({ imageSize: 96, mean }), expected);
});

test('what contradicts the file is an error that names all of it', async () => {
  await writeTelling();
  const error = await failure(usage({ imageSize: 64, std: [0.2, 0.2, 0.2] }), 'ERR_MOCO_CONFIG');
  assert.deepEqual(error.message.split('\n').slice(1), [
    '  imageSize: 64, in the file 96',
    '  std: [0.2,0.2,0.2], in the file [0.2,0.2,0.1]',
  ]);
});
