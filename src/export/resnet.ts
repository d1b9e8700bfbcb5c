import type { BackboneKind } from '../model/architecture.js';
import { backboneLayout, type Layout } from '../model/backboneLayout.js';

/** A convolution or linear layer without a bias, and the BatchNorm that follows it, by their names. */
export interface NormedLayer {
  readonly layer: string;
  readonly norm: string;
}

/** Convolutions pad by half their kernel, so that without a stride they keep height and width. */
export interface ConvNorm extends NormedLayer {
  readonly stride: number;
  readonly padding: number;
}

/** relu(body(x) + shortcut(x)), with a ReLU between the body's layers. */
export interface ResidualBlock {
  readonly name: string;
  readonly body: readonly ConvNorm[];
  readonly shortcut: ConvNorm | undefined;
}

/** The layers of a ResNet (He et al., CVPR 2016), in the order in which they compute. */
export interface ResNet {
  readonly stem: ConvNorm;
  /** Whether a max-pool (3×3, stride 2, padding 1) follows the stem. */
  readonly hasMaxPool: boolean;
  readonly blocks: readonly ResidualBlock[];
  /** Length of a picture's feature. */
  readonly featureLength: number;
}

/** The layers of one of the ResNets that moco recognises; tensors have the reference's names. */
export function resnetOf({ arch, stem, width }: BackboneKind): ResNet {
  const convolutions = backboneLayout(arch, stem, width).filter(({ shape }) => shape.length === 4);
  const names = new Set(convolutions.flatMap(({ name }) => /^f\.\d\.\d+(?=\.)/.exec(name) ?? []));
  const blocks = [...names].map((name) => {
    return blockOf(
      name,
      convolutions.filter((weight) => weight.name.startsWith(`${name}.`)),
    );
  });
  return {
    stem: convNorm(convolutions[0] as Layout[number], 'f.1', stem === 'imagenet' ? 2 : 1),
    hasMaxPool: stem !== 'cifar',
    blocks,
    featureLength: convolutions.at(-1)?.shape[0] as number,
  };
}

/** Every stage but the first begins with a block that halves height and width. */
function blockOf(name: string, weights: Layout): ResidualBlock {
  const stride = /^f\.[456]\.0$/.test(name) ? 2 : 1;
  const body = weights.filter((weight) => weight.name.includes('.conv'));
  const strided = body.findIndex(({ shape }) => shape[2] === 3);
  const shortcut = weights.find((weight) => weight.name.includes('.downsample.'));
  return {
    name,
    body: body.map((weight, index) =>
      convNorm(weight, `${name}.bn${index + 1}`, index === strided ? stride : 1),
    ),
    shortcut: shortcut && convNorm(shortcut, `${name}.downsample.1`, stride),
  };
}

function convNorm({ name, shape }: Layout[number], norm: string, stride: number): ConvNorm {
  const kernel = shape[2] as number;
  return { layer: name.replace(/\.weight$/, ''), norm, stride, padding: (kernel - 1) / 2 };
}
