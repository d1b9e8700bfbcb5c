/** Names and shapes of tensors. */
export type Layout = readonly { readonly name: string; readonly shape: readonly number[] }[];

/** What comes before the four stages: a 3×3 convolution, or a 7×7 convolution and max-pooling. */
export type Stem = 'cifar' | 'imagenet';

/** A ResNet, as names and shapes tell it. */
export interface Architecture {
  /** `resnet18` … `resnet152`; moco itself has those up to `resnet50`. */
  readonly arch: string;
  readonly stem: Stem;
  /** Length of the projection head's output; undefined where there is no such head. */
  readonly featureDim: number | undefined;
}

export const SUPPORTED_ARCHS = ['resnet18', 'resnet34', 'resnet50'];

/** Blocks in the four stages, and whether they are bottlenecks (He et al., CVPR 2016, table 1). */
const DEPTHS: readonly (readonly [arch: string, blocks: string, bottleneck: boolean])[] = [
  ['resnet18', '2,2,2,2', false],
  ['resnet34', '3,4,6,3', false],
  ['resnet50', '3,4,6,3', true],
  ['resnet101', '3,4,23,3', true],
  ['resnet152', '3,8,36,3', true],
];

const STEMS: Readonly<Record<string, Stem>> = { '64,3,3,3': 'cifar', '64,3,7,7': 'imagenet' };

/**
 * Whether a network has bottlenecks, by the shapes of its first block. Wider and grouped variants
 * (Wide ResNet, ResNeXt) have other shapes, and are not recognised.
 */
const FIRST_BLOCKS: Readonly<Record<string, boolean>> = {
  '64,64,3,3;64,64,3,3': false,
  '64,64,1,1;64,64,3,3': true,
};

/**
 * The ResNet that tensors under the reference's names (`f.0`, `f.3` …, `g.3`) belong to; undefined
 * where they are none.
 */
export function architectureOf(layout: Layout): Architecture | undefined {
  const shapes = new Map(layout.map(({ name, shape }) => [name, shape.join()]));
  const stem = STEMS[shapes.get('f.0.weight') ?? ''];
  const convolutions = ['f.3.0.conv1.weight', 'f.3.0.conv2.weight'];
  const bottleneck = FIRST_BLOCKS[convolutions.map((name) => shapes.get(name)).join(';')];
  const blocks = [3, 4, 5, 6].map((stage) => blocksIn(layout, stage)).join();
  const arch = DEPTHS.find(([, depths, kind]) => depths === blocks && kind === bottleneck)?.[0];
  if (arch === undefined || stem === undefined) return undefined;
  const featureDim = layout.find(({ name }) => name === 'g.3.weight')?.shape[0];
  return { arch, stem, featureDim };
}

/** `ResNet-18` for `resnet18`. */
export function architectureTitle(arch: string): string {
  return arch.replace('resnet', 'ResNet-');
}

function blocksIn(layout: Layout, stage: number): number {
  const prefix = `f.${stage}.`;
  const blocks = layout
    .filter(({ name }) => name.startsWith(prefix))
    .map(({ name }) => name.slice(prefix.length).split('.')[0]);
  return new Set(blocks).size;
}
