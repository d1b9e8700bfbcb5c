import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Layout, Stem } from '#moco/model/backboneLayout.js';
import { readModel } from '#moco/model/readModel.js';
import { requireFit } from '#moco/model/requireFit.js';
import {
  linear,
  norm,
  type Rename,
  renamed,
  sequentialName,
  shortcutName,
  torchvisionName,
} from '../../support/familyNames.js';
import { backboneOf, encoderLayout } from '../../support/resnetLayout.js';
import { writeZeros } from '../../support/safetensorsFile.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

/** How a framework writes an encoder, and what lies beside it. */
interface Family {
  readonly title: string;
  readonly arch: string;
  readonly stem: Stem;
  /** How the encoder's names begin. */
  readonly prefix: string;
  readonly rename: Rename;
  /** How those of its momentum copy begin. */
  readonly copy?: string;
  readonly others: Layout;
  readonly leftOut: readonly string[];
  /** What is said of the encoder, one expression for each note in order. */
  readonly notes: readonly RegExp[];
}

const CONVENTIONS =
  /^moco takes for granted what no tensor shows: the (3×3 stem pads by 1|7×7 stem pads by 3), /;
const COPY = /^the momentum copy of the encoder, in (\S+), is not taken: --prefix \1 takes it$/;

/** A projection head of linear layers with BatchNorm after all but the last. */
const head = (name: string, from: number) => [
  ...linear(`${name}.0`, from, 64),
  ...norm(`${name}.1`, 64),
  ...linear(`${name}.3`, 64, 32),
];

const resnet18 = { arch: 'resnet18', stem: 'cifar' } as const;
const resnet50 = { arch: 'resnet50', stem: 'imagenet' } as const;

const FAMILIES: readonly Family[] = [
  {
    title: 'torchvision, timm',
    ...resnet50,
    prefix: '',
    rename: torchvisionName,
    others: linear('fc', 2048, 1000),
    leftOut: ['fc 2'],
    notes: [CONVENTIONS],
  },
  {
    title: 'a ResNet-34 under the names of torchvision',
    arch: 'resnet34',
    stem: 'imagenet',
    prefix: '',
    rename: torchvisionName,
    others: [],
    leftOut: [],
    notes: [CONVENTIONS],
  },
  {
    title: 'official MoCo (v2)',
    ...resnet50,
    prefix: 'state_dict.module.encoder_q.',
    rename: torchvisionName,
    copy: 'state_dict.module.encoder_k.',
    others: [
      ...head('state_dict.module.encoder_q.fc', 2048),
      { name: 'state_dict.module.queue', shape: [32, 64] },
      { name: 'state_dict.module.queue_ptr', shape: [1] },
      { name: 'optimizer.state.0.momentum_buffer', shape: [64, 3, 7, 7] },
    ],
    leftOut: ['encoder_k 318', 'fc 8', 'optimizer 1', 'queue 1', 'queue_ptr 1'],
    notes: [COPY, CONVENTIONS],
  },
  {
    title: "official MoCo's demo on CIFAR-10",
    ...resnet18,
    prefix: 'state_dict.encoder_q.net.',
    rename: sequentialName(3),
    copy: 'state_dict.encoder_k.net.',
    others: linear('state_dict.encoder_q.net.9', 512, 128),
    leftOut: ['encoder_k 120', 'net.9 2'],
    notes: [COPY, /^(?!.*max-pooling).*3×3 stem pads by 1/],
  },
  {
    title: 'MoCo v3',
    ...resnet50,
    prefix: 'state_dict.module.base_encoder.',
    rename: torchvisionName,
    copy: 'state_dict.module.momentum_encoder.',
    others: [
      ...head('state_dict.module.base_encoder.fc', 2048),
      ...head('state_dict.module.predictor', 32),
    ],
    leftOut: ['fc 8', 'momentum_encoder 318', 'predictor 8'],
    notes: [COPY, CONVENTIONS],
  },
  {
    title: 'SimSiam',
    ...resnet50,
    prefix: 'state_dict.module.encoder.',
    rename: torchvisionName,
    others: [
      ...head('state_dict.module.encoder.fc', 2048),
      ...head('state_dict.module.predictor', 32),
    ],
    leftOut: ['fc 8', 'predictor 8'],
    notes: [CONVENTIONS],
  },
  {
    title: 'SupCon',
    arch: 'resnet50',
    stem: 'cifar',
    prefix: 'model.encoder.module.',
    rename: shortcutName,
    others: head('model.head', 2048),
    leftOut: ['head 8'],
    notes: [/3×3 stem pads by 1, no max-pooling follows it, a bottleneck has its stride/],
  },
  {
    title: "networks for CIFAR with kuangliu's names",
    ...resnet18,
    prefix: 'net.module.',
    rename: shortcutName,
    others: linear('net.module.linear', 512, 10),
    leftOut: ['linear 2'],
    notes: [/^(?!.*bottleneck).*no max-pooling follows it/],
  },
  {
    title: 'SimCLR with projector beside the encoder',
    ...resnet18,
    prefix: 'encoder.',
    rename: torchvisionName,
    others: head('projector', 512),
    leftOut: ['projector 8'],
    notes: [CONVENTIONS],
  },
  {
    title: "DINO's teacher alone",
    ...resnet50,
    prefix: 'teacher.backbone.',
    rename: torchvisionName,
    others: head('teacher.head.mlp', 2048),
    leftOut: ['head 8'],
    notes: [CONVENTIONS],
  },
  {
    title: 'BYOL with online and target encoder',
    ...resnet50,
    prefix: 'online_encoder.net.',
    rename: torchvisionName,
    copy: 'target_encoder.net.',
    others: head('online_predictor.net', 32),
    leftOut: ['online_predictor 8', 'target_encoder 318'],
    notes: [COPY, CONVENTIONS],
  },
  {
    title: 'Barlow Twins, VICReg',
    ...resnet50,
    prefix: 'model.module.backbone.',
    rename: torchvisionName,
    others: [...head('model.module.projector', 2048), ...norm('model.module.bn', 32)],
    leftOut: ['bn 4', 'projector 8'],
    notes: [CONVENTIONS],
  },
  {
    title: 'SwAV',
    ...resnet50,
    prefix: 'state_dict.module.',
    rename: torchvisionName,
    others: [
      ...head('state_dict.module.projection_head', 2048),
      { name: 'state_dict.module.prototypes.weight', shape: [30, 32] },
    ],
    leftOut: ['projection_head 8', 'prototypes 1'],
    notes: [CONVENTIONS],
  },
  {
    title: "lightly, with torchvision's network in a Sequential",
    ...resnet50,
    prefix: 'state_dict.backbone.',
    rename: sequentialName(4),
    copy: 'state_dict.backbone_momentum.',
    others: head('state_dict.projection_head.layers', 2048),
    leftOut: ['backbone_momentum 318', 'projection_head 8'],
    notes: [COPY, /7×7 stem pads by 3, max-pooling follows it/],
  },
  {
    title: 'lightly, with its own network for CIFAR in a Sequential',
    ...resnet18,
    prefix: 'state_dict.backbone.',
    rename: sequentialName(2, shortcutName),
    others: head('state_dict.projection_head.layers', 512),
    leftOut: ['projection_head 8'],
    notes: [CONVENTIONS, /without a ReLU between them.*its features differ$/],
  },
  {
    title: 'solo-learn on CIFAR',
    ...resnet18,
    prefix: 'state_dict.backbone.',
    rename: torchvisionName,
    copy: 'state_dict.momentum_backbone.',
    others: [
      ...linear('state_dict.classifier', 512, 10),
      ...head('state_dict.projector', 512),
      ...head('state_dict.momentum_projector', 512),
    ],
    leftOut: ['classifier 2', 'momentum_backbone 120', 'momentum_projector 8', 'projector 8'],
    notes: [COPY, CONVENTIONS, /solo-learn, whose 3×3 stem pads by 2/],
  },
  {
    title: 'solo-learn on ImageNet',
    ...resnet18,
    stem: 'imagenet',
    prefix: 'state_dict.backbone.',
    rename: torchvisionName,
    others: linear('state_dict.classifier', 512, 100),
    leftOut: ['classifier 2'],
    notes: [CONVENTIONS],
  },
  {
    title: 'mmselfsup',
    ...resnet50,
    prefix: 'state_dict.encoder_q.0.',
    rename: torchvisionName,
    copy: 'state_dict.encoder_k.0.',
    others: head('state_dict.encoder_q.1.mlp', 2048),
    leftOut: ['encoder_k 318', 'encoder_q.1 8'],
    notes: [COPY, CONVENTIONS],
  },
  {
    title: 'mmpretrain',
    ...resnet50,
    prefix: 'state_dict.backbone.',
    rename: torchvisionName,
    copy: 'state_dict.target_net.module.0.',
    others: [...head('state_dict.neck', 2048), ...head('state_dict.target_net.module.1', 2048)],
    leftOut: ['neck 8', 'target_net 326'],
    notes: [COPY, CONVENTIONS],
  },
  {
    title: 'a compiled model in DistributedDataParallel',
    ...resnet50,
    prefix: '_orig_mod.module.',
    rename: torchvisionName,
    others: linear('_orig_mod.module.fc', 2048, 10),
    leftOut: ['fc 2'],
    notes: [CONVENTIONS],
  },
  {
    title: 'a wrapped model that is compiled, nested in dictionaries',
    ...resnet18,
    prefix: 'ckpt.model.net.module._orig_mod.encoder.',
    rename: torchvisionName,
    others: [],
    leftOut: [],
    notes: [CONVENTIONS],
  },
  {
    title: 'a Sequential of the 7×7 stem without max-pooling',
    ...resnet18,
    stem: 'imagenet',
    prefix: 'features.',
    rename: sequentialName(3),
    others: [],
    leftOut: [],
    notes: [/^(?!.*max-pooling)/, /^its numbers say that no max-pooling follows/],
  },
  {
    title: 'a Sequential alone',
    ...resnet18,
    prefix: '',
    rename: sequentialName(4),
    others: linear('9', 512, 10),
    leftOut: ['9 2'],
    notes: [CONVENTIONS],
  },
];

const path = join(temporaryFolder(), 'model.safetensors');

for (const family of FAMILIES) {
  test(`an encoder is found in files of ${family.title}`, async () => {
    const { arch, stem, prefix, rename, copy, others } = family;
    const backbone = backboneOf(encoderLayout(arch, 128, stem));
    const copied = copy === undefined ? [] : renamed(backbone, copy, rename);
    await writeZeros(path, [...copied, ...renamed(backbone, prefix, rename), ...others]);
    const model = await readModel(path);
    assert.deepEqual(model.architecture, {
      ...{ arch, stem, width: 1 },
      ...{ featureDim: undefined, head: undefined },
    });
    assert.equal(model.prefix, prefix);
    assert.equal(model.misfit, undefined);

    // Every tensor is the one of that name in the file, and fills the encoder.
    const stored = new Map(model.file.tensors.map((tensor) => [tensor.name, tensor]));
    const expected = backbone.map(({ name }) => {
      return { ...stored.get(prefix + rename(name)), name };
    });
    assert.deepEqual(requireFit(model, backbone, 'backbone'), expected);

    const leftOut = model.leftOut.map(({ name, tensors }) => `${name} ${tensors}`).sort();
    assert.deepEqual(leftOut, family.leftOut);
    assert.equal(model.notes.length, family.notes.length, model.notes.join('\n'));
    for (const [index, note] of family.notes.entries())
      assert.match(model.notes[index] ?? '', note);
  });
}
