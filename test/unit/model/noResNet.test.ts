import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { readTensorFile } from '#moco/formats/readTensorFile.js';
import type { Layout } from '#moco/model/backboneLayout.js';
import { convertWith } from '#moco/model/convertModel.js';
import { encoderCandidates } from '#moco/model/encoderCandidates.js';
import { inspectFile } from '#moco/model/inspectFile.js';
import { misfitOf } from '#moco/model/misfit.js';
import { readModel } from '#moco/model/readModel.js';
import { requireFit } from '#moco/model/requireFit.js';
import { failure } from '../../support/failure.js';
import { linear, renamed, sequentialName, torchvisionName } from '../../support/familyNames.js';
import { backboneOf, encoderLayout } from '../../support/resnetLayout.js';
import { writeZeros } from '../../support/safetensorsFile.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

type Tensor = Layout[number];

const resnet18 = backboneOf(encoderLayout('resnet18', 128, 'imagenet'));
const resnet50 = backboneOf(encoderLayout('resnet50', 128, 'imagenet'));
const plain18 = renamed(resnet18, '', torchvisionName);
const plain50 = renamed(resnet50, '', torchvisionName);

/** The layout without tensors whose names match. */
const without = (layout: Layout, pattern: RegExp) =>
  layout.filter(({ name }) => !pattern.test(name));

/** The layout with other shapes, or names, of the tensors whose names match. */
const changed = (layout: Layout, pattern: RegExp, change: (tensor: Tensor) => Partial<Tensor>) =>
  layout.map((tensor) => (pattern.test(tensor.name) ? { ...tensor, ...change(tensor) } : tensor));

const convolution = (name: string, shape: number[]) => ({ name: `${name}.weight`, shape });

/** Networks that are no ResNet of moco's, and how the reason begins. */
const NETWORKS: readonly (readonly [title: string, layout: Layout, reason: RegExp])[] = [
  [
    'a ResNet-50 without its last block',
    without(plain50, /^layer4\.2/),
    /^the nearest is a ResNet-50 with the imagenet stem, but without block 3 of stage 4\n {2}missing: layer4\.2\.conv1\.weight, /,
  ],
  [
    'a ResNet-18 without its last stage',
    without(plain18, /^layer4/),
    /^the nearest is a ResNet-18 .* but without block 1 of stage 4, block 2 of stage 4\n/,
  ],
  [
    'a ResNet-18 without its stem',
    without(plain18, /^(conv1|bn1)/),
    /^the nearest is a ResNet-18 with the cifar stem\n {2}missing: conv1\.weight, bn1\.weight, bn1\.bias … \(5 in all\)$/,
  ],
  [
    'a ResNet-50 with one tensor missing, and others wrong and too many',
    [
      ...changed(without(plain50, /^layer4\.2\.conv3/), /^bn1\.bias/, () => ({ shape: [63] })),
      { name: 'layer1.0.extra', shape: [1] },
    ],
    /^the nearest is a ResNet-50 with the imagenet stem\n {2}missing: layer4\.2\.conv3\.weight\n {2}unexpected: "layer1\.0\.extra"\n {2}wrong: bn1\.bias is 63, expected 64$/,
  ],
  [
    'the names of a Sequential, and where it lies, in the reason',
    renamed(without(resnet18, /^f\.6\.1\.bn2\.bias/), 'net.', sequentialName(4)),
    /^the nearest is a ResNet-18 with the imagenet stem in net\n {2}missing: net\.7\.1\.bn2\.bias$/,
  ],
  [
    'a deep stem, as timm and mmpretrain build it',
    [
      ...without(plain50, /^conv1/),
      convolution('conv1.0', [32, 3, 3, 3]),
      convolution('conv1.3', [32, 32, 3, 3]),
      convolution('conv1.6', [64, 32, 3, 3]),
    ],
    /but its stem has several convolutions \(ResNet-C, ResNet-D\)\n/,
  ],
  [
    'average-pooling in the shortcuts',
    changed(plain50, /downsample/, ({ name }) => ({
      name: name.replace(/downsample\.(\d)/, (_, place) => `downsample.${Number(place) + 1}`),
    })),
    /but its shortcuts have average-pooling \(ResNet-D\)\n/,
  ],
  [
    'a wider network',
    changed(plain50, /^layer.*conv2/, ({ shape }) => ({
      shape: shape.map((size, index) => (index < 2 ? 2 * size : size)),
    })),
    /but its layers have other widths /,
  ],
  [
    'grouped convolutions',
    changed(plain50, /^layer.*conv2/, ({ shape: [out, from, ...side] }) => ({
      shape: [out as number, (from as number) / 32, ...side],
    })),
    /but its layers have other widths \(Wide ResNet, ResNeXt/,
  ],
  [
    'squeeze and excitation',
    [...plain50, convolution('layer1.0.se.fc1', [16, 256, 1, 1])],
    /ResNet-50 with the imagenet stem\n {2}unexpected: "layer1\.0\.se\.fc1\.weight"$/,
  ],
  [
    'GroupNorm',
    without(plain18, /running_|num_batches/),
    /but its normalisation keeps no statistics \(GroupNorm, LayerNorm\)\n/,
  ],
  [
    'convolutions with biases',
    [...plain18, { name: 'conv1.bias', shape: [64] }],
    /but its convolutions have biases/,
  ],
  [
    'pictures with one channel',
    changed(plain18, /^conv1/, () => ({ shape: [64, 1, 7, 7] })),
    /but its pictures have 1 channel, not 3\n/,
  ],
  [
    "statistics of a split BatchNorm, lightly's",
    changed(plain18, /running_/, ({ shape }) => ({ shape: [8 * (shape[0] as number)] })),
    /but its BatchNorm keeps statistics for each of 8 parts of a batch/,
  ],
  [
    'five stages',
    [...plain18, convolution('layer5.0.conv1', [1024, 512, 3, 3])],
    /unexpected: "layer5\.0\.conv1\.weight"$/,
  ],
  [
    'a layer with weights between stem and stages',
    [...renamed(resnet18, '', sequentialName(4)), { name: '2.weight', shape: [64] }],
    /unexpected: "2\.weight"$/,
  ],
  [
    'a vision transformer',
    [
      { name: 'cls_token', shape: [1, 1, 192] },
      { name: 'blocks.0.attn.qkv.weight', shape: [576, 192] },
    ],
    /^it is a transformer, and moco has ResNets only$/,
  ],
  [
    'a classifier only',
    linear('fc', 512, 10),
    /^it is a linear classifier or projection head only, without a backbone$/,
  ],
  [
    'another network',
    [{ name: 'denseblock1.norm.weight', shape: [4] }],
    /^nothing in it is named as a ResNet's stages and blocks are; its tensors are "denseblock1\.norm\.weight" …$/,
  ],
];

const folder = temporaryFolder();
const path = join(folder, 'model.safetensors');
const addon = { convertTensors: async () => {} };

for (const [title, layout, reason] of NETWORKS) {
  test(`what is no ResNet that moco knows is told by all commands alike: ${title}`, async () => {
    await writeZeros(path, layout);
    const { kind, architecture, misfit = '' } = await inspectFile(path);
    assert.deepEqual([kind, architecture], ['network', undefined]);
    assert.match(misfit, reason);

    const model = await readModel(path);
    const message = `${path} holds no ResNet that moco knows: ${misfit}`;
    assert.throws(() => requireFit(model, encoderLayout('resnet50'), 'backbone'), { message });

    const output = join(folder, 'out.pth');
    const conversion = await convertWith(() => addon, path, output, {});
    assert.equal(conversion.misfit, misfit);
    assert.equal(conversion.tensors, layout.length);
    const renaming = convertWith(() => addon, path, output, { names: 'torchvision' });
    assert.equal((await failure(renaming, 'ERR_MOCO_CHECKPOINT')).message, message);
  });
}

for (const [title, names, lines] of [
  [
    'in a ResNet',
    ['layer1.0.conv1.weight', 'layer4.1.conv2.weight'],
    ['the nearest is a ResNet-18 with the imagenet stem'],
  ],
  ['in place of all blocks', resnet18.map(({ name }) => torchvisionName(name)), []],
] as const) {
  test(`tensors of a kind that moco does not read are named, ${title}`, async () => {
    const read = plain18.filter(({ name }) => !names.some((unread) => unread === name));
    await writeZeros(path, [...read, ...linear('fc', 512, 10)]);
    const { tensors } = await readTensorFile(path);
    const opaque = [
      { what: 'tensor of torch.qint8', places: names, count: 2, kind: 'tensor' as const },
    ];
    const misfit = misfitOf(tensors, encoderCandidates(tensors), opaque).split('\n');
    for (const line of lines) assert.ok(misfit.includes(line));
    assert.match(
      `${misfit.at(-1)}`,
      /^ {2}not read: tensor of torch\.qint8 in ".*weight" … \(\d+ in all\)$/,
    );
  });
}
