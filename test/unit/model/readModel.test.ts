import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { writeFeatureFile } from '#moco/features/writeFeatureFile.js';
import { DESCRIPTION_RECORD } from '#moco/formats/pth.js';
import { backboneLayout, type Layout } from '#moco/model/backboneLayout.js';
import { headLayout, REFERENCE_HEAD } from '#moco/model/headLayout.js';
import { readModel } from '#moco/model/readModel.js';
import { failure } from '../../support/failure.js';
import { bytesOf, featureContent, featureValues } from '../../support/featureContent.js';
import { modelFile } from '../../support/modelFiles.js';
import {
  backboneOf,
  encoderLayout,
  prefixed,
  torchvisionLayout,
} from '../../support/resnetLayout.js';
import { mocoHeader, safetensors, writeZeros } from '../../support/safetensorsFile.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

const folder = temporaryFolder();

/** The model in a file with these tensors. */
async function read(layout: Layout) {
  const path = join(folder, 'model.safetensors');
  await writeZeros(path, layout);
  return readModel(path);
}

const encoder = encoderLayout('resnet18');
const names = (tensors: Layout) => tensors.map(({ name }) => name).sort();

for (const prefix of ['', 'module.', 'encoder_q.', 'module.encoder_q.', 'state_dict.', 'model.']) {
  test(`an encoder is found ${prefix ? `under ${prefix}` : 'as it is'}`, async () => {
    const { kind, tensors, leftOut, architecture } = await read(prefixed(prefix, encoder));
    assert.equal(kind, 'encoder');
    assert.deepEqual(names(tensors), names(encoder));
    assert.deepEqual(leftOut, []);
    assert.deepEqual(architecture, {
      ...{ arch: 'resnet18', stem: 'cifar', width: 1 },
      ...{ featureDim: 128, head: REFERENCE_HEAD },
    });
  });
}

test("of official MoCo's checkpoint, the query encoder is taken, and the rest is told", async () => {
  const resnet = torchvisionLayout('resnet50');
  const { kind, tensors, leftOut, architecture } = await read([
    ...prefixed('state_dict.module.encoder_q.', resnet),
    ...prefixed('state_dict.module.encoder_k.', resnet),
    { name: 'state_dict.module.queue', shape: [128, 65536] },
    { name: 'state_dict.module.queue_ptr', shape: [1] },
    { name: 'optimizer.state.0.momentum_buffer', shape: [64, 3, 7, 7] },
  ]);
  assert.equal(kind, 'backbone');
  const expected = backboneOf(encoderLayout('resnet50', 128, 'imagenet'));
  assert.deepEqual(names(tensors), names(expected));
  assert.deepEqual(leftOut.map(({ name, tensors }) => `${name} ${tensors}`).sort(), [
    'encoder_k 320',
    'fc 2',
    'optimizer 1',
    'queue 1',
    'queue_ptr 1',
  ]);
  assert.deepEqual(architecture, {
    ...{ arch: 'resnet50', stem: 'imagenet', width: 1 },
    ...{ featureDim: undefined, head: undefined },
  });
});

for (const arch of ['resnet18', 'resnet34', 'resnet50', 'resnet101']) {
  for (const stem of ['cifar', 'imagenet'] as const) {
    test(`${arch} with the ${stem} stem is recognised by names and shapes`, async () => {
      const { architecture } = await read(encoderLayout(arch, 64, stem));
      const head = REFERENCE_HEAD;
      assert.deepEqual(architecture, { arch, stem, width: 1, featureDim: 64, head });
    });
  }
}

test('other widths and heads are recognised by names and shapes', async () => {
  for (const [width, head] of [
    [0.25, { layers: 1, hiddenDim: 512, batchNorm: true, lastBatchNorm: 'none' }],
    [2, { layers: 3, hiddenDim: 64, batchNorm: false, lastBatchNorm: 'plain' }],
  ] as const) {
    const layout = [
      ...backboneLayout('resnet18', 'cifar', width),
      ...headLayout(512 * width, 32, head),
    ];
    const { architecture } = await read(layout);
    const expected = { arch: 'resnet18', stem: 'cifar', width, featureDim: 32, head };
    assert.deepEqual(architecture, expected);
  }
});

test('max-pooling after the stem, which no tensor shows, is told by the file', async () => {
  const layout = encoderLayout('resnet18');
  for (const [told, stem] of [
    [{ stem: 'cifar-pool' }, 'cifar-pool'],
    [{ config: { stem: 'cifar-pool' } }, 'cifar-pool'],
    [{ stem: 'cifar' }, 'cifar'],
    [{ stem: 'imagenet' }, 'cifar'],
  ] as const) {
    const path = join(folder, 'told.safetensors');
    const record = { [DESCRIPTION_RECORD]: JSON.stringify(told) };
    await writeZeros(path, layout, (tensors) => ({ __metadata__: record, ...tensors }));
    assert.equal((await readModel(path)).architecture?.stem, stem);
  }
});

test('a linear model keeps its classifier', async () => {
  const classifier = { name: 'fc.weight', shape: [10, 512] };
  const { kind, tensors, leftOut } = await read([...backboneOf(encoder), classifier]);
  assert.deepEqual([kind, leftOut], ['linear model', []]);
  assert.ok(tensors.some(({ name }) => name === 'fc.weight'));
});

test('another network keeps all its tensors and their names', async () => {
  const layout = [
    { name: 'model.token.weight', shape: [2] },
    { name: 'module.bias', shape: [2] },
  ];
  const { kind, tensors, leftOut, architecture } = await read(layout);
  assert.deepEqual([kind, leftOut, architecture], ['network', [], undefined]);
  assert.deepEqual(names(tensors), names(layout));
});

test('the model of a checkpoint of moco is its query encoder', async () => {
  const path = join(folder, 'checkpoint.safetensors');
  const stored = ['query.f.0.weight', 'query.g.0.weight', 'key.f.0.weight', 'queue.keys'];
  const tensors = Object.fromEntries(
    stored.map((name) => [name, { dtype: 'F32', shape: [0], data_offsets: [0, 0] }]),
  );
  const checksums = JSON.stringify(Object.fromEntries(stored.map((name) => [name, '00000000'])));
  const header = mocoHeader({ format: 'moco-checkpoint', checksums }, tensors);
  await writeFile(path, safetensors(header));
  const model = await readModel(path);
  assert.equal(model.kind, 'checkpoint');
  assert.deepEqual(names(model.tensors), ['f.0.weight', 'g.0.weight']);
  assert.deepEqual(model.leftOut, [
    { name: 'key', tensors: 1 },
    { name: 'queue', tensors: 1 },
  ]);
});

test('--prefix takes the key encoder of a checkpoint of moco', async () => {
  const path = join(folder, 'whole.safetensors');
  const layout = [...prefixed('query.', encoder), ...prefixed('key.', encoder)];
  const checksums = JSON.stringify(
    Object.fromEntries(layout.map(({ name }) => [name, '00000000'])),
  );
  await writeZeros(path, layout, (tensors) =>
    mocoHeader({ format: 'moco-checkpoint', checksums }, tensors),
  );
  for (const [prefix, kind, other] of [
    [undefined, 'checkpoint', 'key'],
    ['key', 'encoder', 'query'],
  ] as const) {
    const model = await readModel(path, prefix);
    assert.deepEqual([model.kind, model.notes], [kind, []]);
    assert.deepEqual(names(model.tensors), names(encoder));
    assert.deepEqual(model.leftOut, [{ name: other, tensors: encoder.length }]);
    assert.equal(model.architecture?.arch, 'resnet18');
  }
});

test('where tensors lie stays as it is under other names', async () => {
  const { file, tensors } = await readModel(modelFile('nested.pth'));
  assert.deepEqual(file.tensors.map(({ name }) => name).slice(0, 2), [
    'model.0.weight',
    'model.1.weight',
  ]);
  assert.equal(tensors, file.tensors);
});

test('a file without a tensor is refused', async () => {
  const path = join(folder, 'empty.safetensors');
  await writeFile(path, safetensors({}));
  await assert.rejects(readModel(path), {
    code: 'ERR_MOCO_CHECKPOINT',
    message: `${path}: it holds no tensors`,
  });
});

test('what is not read is named where it may be what is missing', async () => {
  const refused = await readModel(modelFile('allowed/refused.pth'));
  assert.match(
    `${refused.misfit}`,
    /\n {2}not read: train\.Net, a model that was pickled whole: "module"$/,
  );
  const path = join(folder, 'f4.safetensors');
  const tensor = (at: number) => ({ dtype: 'F4', shape: [2], data_offsets: [at, at + 1] });
  await writeFile(path, safetensors({ a: tensor(0), b: tensor(1) }, Buffer.alloc(2)));
  await assert.rejects(readModel(path), {
    message: `${path}: it holds no tensors\n  not read: tensor of F4: "a" … (2 places)`,
  });
});

test('a file of features is said to be one', async () => {
  const path = join(folder, 'features.safetensors');
  await writeFeatureFile(path, featureContent(), [bytesOf(featureValues(3, 2))]);
  const { message, hint } = await failure(readModel(path), 'ERR_MOCO_CHECKPOINT');
  assert.match(message, /holds features, and no model/);
  assert.match(`${hint}`, /moco search/);
});
