import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { backboneLayout, type Layout } from '#moco/model/backboneLayout.js';
import { readModel } from '#moco/model/readModel.js';
import { type ModelPart, requireFit } from '#moco/model/requireFit.js';
import { failure } from '../../support/failure.js';
import {
  backboneOf,
  encoderLayout,
  prefixed,
  torchvisionLayout,
} from '../../support/resnetLayout.js';
import { writeZeros } from '../../support/safetensorsFile.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

const path = join(temporaryFolder(), 'model.safetensors');

/** What the encoder is filled with from a file with these tensors. */
async function fit(layout: Layout, expected: Layout, part: ModelPart) {
  await writeZeros(path, layout);
  return requireFit(await readModel(path), expected, part);
}

async function refusal(layout: Layout, expected: Layout, part: ModelPart) {
  const error = await failure(fit(layout, expected, part), 'ERR_MOCO_CHECKPOINT');
  return { lines: error.message.split('\n'), hint: error.hint };
}

const names = (tensors: Layout) => tensors.map(({ name }) => name);
const resnet18 = encoderLayout('resnet18');
const resnet50 = encoderLayout('resnet50');

test('the encoder gets its tensors in its own order', async () => {
  const tensors = await fit([...resnet18].reverse(), resnet18, 'encoder');
  assert.deepEqual(names(tensors), names(resnet18));
});

test('a backbone may come with any head, and with none', async () => {
  const backbone = backboneOf(resnet18);
  for (const head of [
    [],
    [{ name: 'fc.weight', shape: [10, 512] }],
    [{ name: 'g.x', shape: [1] }],
  ]) {
    const tensors = await fit([...backbone, ...head], resnet18, 'backbone');
    assert.deepEqual(names(tensors), names(backbone));
  }
});

test("an official MoCo's ResNet-50 fits the one with the ImageNet stem", async () => {
  const file = prefixed('state_dict.module.encoder_q.', torchvisionLayout('resnet50'));
  const expected = encoderLayout('resnet50', 128, 'imagenet');
  assert.deepEqual(names(await fit(file, expected, 'backbone')), names(backboneOf(expected)));
});

test("BatchNorm's counter may be missing", async () => {
  const old = resnet18.filter(({ name }) => !name.endsWith('num_batches_tracked'));
  assert.deepEqual(names(await fit(old, resnet18, 'encoder')), names(old));
});

test('a counter that is no integer is passed over, and one in a list of one is taken', async () => {
  const counter = 'f.1.num_batches_tracked';
  const listed = resnet18.map(({ name, shape }) => ({
    name,
    shape: name === counter ? [1] : shape,
  }));
  assert.deepEqual(names(await fit(listed, resnet18, 'encoder')), names(resnet18));

  const model = await readModel(path);
  const tensors = model.tensors.map((tensor) =>
    tensor.name === counter ? { ...tensor, dtype: 'F32' as const } : tensor,
  );
  const taken = names(requireFit({ ...model, tensors }, resnet18, 'encoder'));
  assert.deepEqual(
    taken,
    names(resnet18).filter((name) => name !== counter),
  );
});

test('another ResNet is named, with the flag that takes it', async () => {
  const { lines, hint } = await refusal(resnet18, resnet50, 'backbone');
  assert.equal(lines[0], `${path} does not fit the backbone of resnet50 with the cifar stem:`);
  assert.match(`${lines[1]}`, /^ {2}missing: f\.3\.0\.conv3\.weight, .* … \(\d+ in all\)$/);
  assert.match(
    `${lines[2]}`,
    /^ {2}wrong: f\.3\.0\.conv1\.weight is 64×64×3×3, expected 64×64×1×1, .* in all\)$/,
  );
  assert.equal(hint, 'This is a ResNet-18; pass --arch resnet18.');
  const larger = await refusal(resnet50, resnet18, 'backbone');
  assert.match(`${larger.lines[1]}`, /^ {2}unexpected: "f\./);
  assert.equal(larger.hint, 'This is a ResNet-50; pass --arch resnet50.');
});

for (const [title, layout, expected, part, cause] of [
  [
    'another stem',
    encoderLayout('resnet18', 128, 'imagenet'),
    resnet18,
    'backbone',
    'It has the ImageNet stem; pass --stem imagenet.',
  ],
  [
    'another ResNet and stem',
    torchvisionLayout('resnet18'),
    resnet50,
    'backbone',
    'This is a ResNet-18; pass --arch resnet18. It has the ImageNet stem; pass --stem imagenet.',
  ],
  [
    'another depth',
    encoderLayout('resnet101'),
    resnet50,
    'backbone',
    'This is a ResNet-101; pass --arch resnet101.',
  ],
  [
    'another width',
    backboneLayout('resnet18', 'cifar', 0.5),
    resnet18,
    'backbone',
    'Its layers have 0.5 times the usual channels; pass --width 0.5.',
  ],
  [
    'another length of features',
    encoderLayout('resnet18', 64),
    resnet18,
    'encoder',
    'Its features have length 64; pass --feature-dim 64.',
  ],
  [
    'no projection head',
    backboneOf(resnet18),
    resnet18,
    'encoder',
    'It has no projection head (g.…): only its backbone can be used.',
  ],
] as const) {
  test(`the likely cause is told: ${title}`, async () => {
    assert.equal((await refusal(layout, expected, part)).hint, cause);
  });
}

test('weights that are integers are refused', async () => {
  await writeZeros(path, resnet18);
  const model = await readModel(path);
  const tensors = model.tensors.map((tensor) =>
    tensor.name === 'f.0.weight' ? { ...tensor, dtype: 'I32' as const } : tensor,
  );
  assert.throws(() => requireFit({ ...model, tensors }, resnet18, 'encoder'), {
    message: /\n {2}wrong: f\.0\.weight holds I32, expected floating-point numbers$/,
  });
});
