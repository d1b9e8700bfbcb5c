import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { readTensorFile } from '#moco/formats/readTensorFile.js';
import type { Layout } from '#moco/model/backboneLayout.js';
import { chooseEncoder } from '#moco/model/chooseEncoder.js';
import { encoderCandidates, isFound } from '#moco/model/encoderCandidates.js';
import { inspectFile } from '#moco/model/inspectFile.js';
import { readModel } from '#moco/model/readModel.js';
import { failure } from '../../support/failure.js';
import { renamed, torchvisionName } from '../../support/familyNames.js';
import { backboneOf, encoderLayout, prefixed } from '../../support/resnetLayout.js';
import { writeZeros } from '../../support/safetensorsFile.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

const path = join(temporaryFolder(), 'model.safetensors');
const resnet18 = backboneOf(encoderLayout('resnet18'));
const resnet50 = backboneOf(encoderLayout('resnet50', 128, 'imagenet'));

/** Encoders under several prefixes. */
const under = (...prefixes: string[]): Layout =>
  prefixes.flatMap((prefix) => renamed(resnet18, prefix, torchvisionName));

/** Where the encoder is found in a file with these tensors. */
async function foundIn(layout: Layout, prefix?: string): Promise<string> {
  await writeZeros(path, layout);
  return (await readModel(path, prefix)).prefix;
}

for (const [encoder, copy] of [
  ['encoder_q.', 'encoder_k.'],
  ['query.', 'key.'],
  ['query_encoder.', 'key_encoder.'],
  ['base_encoder.', 'momentum_encoder.'],
  ['backbone.', 'backbone_momentum.'],
  ['online_network.encoder.', 'target_network.encoder.'],
  ['backbone.', 'target_net.module.0.'],
] as const) {
  test(`of ${encoder} and its momentum copy ${copy} the encoder is taken, and the copy if asked for`, async () => {
    assert.equal(await foundIn(under(copy, encoder)), encoder);
    assert.equal(await foundIn(under(copy, encoder), copy), copy);
  });
}

test('a momentum copy that is alone is the encoder', async () => {
  assert.equal(await foundIn(under('momentum_encoder.')), 'momentum_encoder.');
});

test('student and teacher are an error that lists them with the flag to type', async () => {
  const [student, teacher] = ['student.module.backbone.', 'teacher.backbone.'];
  const layout = [...under(student), ...renamed(resnet50, teacher, torchvisionName)];
  const { message, hint } = await failure(foundIn(layout), 'ERR_MOCO_CHECKPOINT');
  assert.deepEqual(message.split('\n'), [
    `${path} holds several encoders:`,
    '  --prefix student.module.backbone   ResNet-18 with the cifar stem',
    '  --prefix teacher.backbone   ResNet-50 with the imagenet stem',
  ]);
  assert.equal(hint, 'Pass one of these flags.');
  await failure(inspectFile(path), 'ERR_MOCO_CHECKPOINT');
});

test('weights and their moving average are an error', async () => {
  const layout = under('state_dict.', 'state_dict_ema.');
  assert.match((await failure(foundIn(layout), 'ERR_MOCO_CHECKPOINT')).message, /state_dict_ema/);
});

test('a prefix may be a part of the way, with or without a dot at its end', async () => {
  const layout = under('student.backbone.', 'teacher.backbone.');
  for (const prefix of ['teacher', 'teacher.', 'teacher.backbone', 'teacher.backbone.']) {
    assert.equal(await foundIn(layout, prefix), 'teacher.backbone.');
  }
});

test('the empty prefix means the encoder that is not nested', async () => {
  const layout = under('', 'ema.');
  const { message } = await failure(foundIn(layout), 'ERR_MOCO_CHECKPOINT');
  assert.match(message, /\n {2}--prefix "" {3}ResNet-18/);
  assert.equal(await foundIn(layout, ''), '');
});

test("a prefix names the reference's encoder, not its backbone", async () => {
  const encoder = encoderLayout('resnet18');
  const layout = [...prefixed('a.', encoder), ...prefixed('b.', encoder)];
  assert.match((await failure(foundIn(layout), 'ERR_MOCO_CHECKPOINT')).message, /--prefix a /);
  await writeZeros(path, layout);
  const { kind, tensors } = await readModel(path, 'b');
  assert.equal(kind, 'encoder');
  assert.equal(tensors.length, encoder.length);
});

test('a prefix that no name begins with is an error that tells how the names begin', async () => {
  const { message, hint } = await failure(foundIn(under('net.'), 'ne'), 'ERR_MOCO_CHECKPOINT');
  assert.equal(message, `${path}: no tensor's name begins with ne`);
  assert.equal(hint, 'The names begin with net.');
});

test('a prefix under which no ResNet lies is an error with the reason', async () => {
  const layout = [...under('net.'), { name: 'head.fc.weight', shape: [10, 512] }];
  const { message } = await failure(foundIn(layout, 'head'), 'ERR_MOCO_CHECKPOINT');
  assert.match(message, /has no ResNet under head: it is a linear classifier or projection head/);
});

test('names that a terminal would obey are shown without that', async () => {
  const layout = under('a\x1b[2J.', 'b.');
  const { message } = await failure(foundIn(layout), 'ERR_MOCO_CHECKPOINT');
  assert.match(message, /--prefix "a\\u\{1b\}\[2J"/);
});

test('an encoder that lies under two names, with the same numbers, is one', async () => {
  await writeZeros(path, under('net.'));
  const { tensors } = await readTensorFile(path);
  const again = tensors.map((tensor) => ({ ...tensor, name: `online_encoder.${tensor.name}` }));
  const found = encoderCandidates([...tensors, ...again]).filter(isFound);
  assert.equal(found.length, 2);
  assert.equal(chooseEncoder(path, found, undefined)?.encoder.prefix, 'net.');
});
