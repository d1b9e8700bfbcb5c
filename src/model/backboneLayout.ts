/** Names and shapes of tensors. */
export type Layout = readonly { readonly name: string; readonly shape: readonly number[] }[];

/**
 * What comes before the four stages: a 3×3 convolution, the same and max-pooling, or a 7×7 convolution
 * and max-pooling.
 */
export type Stem = 'cifar' | 'cifar-pool' | 'imagenet';

/** Blocks in the four stages, and whether they are bottlenecks (He et al., CVPR 2016, table 1). */
interface Depths {
  readonly blocks: readonly number[];
  readonly bottleneck: boolean;
}

const DEPTHS: ReadonlyMap<string, Depths> = new Map([
  ['resnet18', { blocks: [2, 2, 2, 2], bottleneck: false }],
  ['resnet34', { blocks: [3, 4, 6, 3], bottleneck: false }],
  ['resnet50', { blocks: [3, 4, 6, 3], bottleneck: true }],
  ['resnet101', { blocks: [3, 4, 23, 3], bottleneck: true }],
  ['resnet152', { blocks: [3, 8, 36, 3], bottleneck: true }],
]);

/** The ResNets that there are. */
export const ARCHS = [...DEPTHS.keys()];

const STEM_SIDES: Readonly<Record<Stem, number>> = { cifar: 3, 'cifar-pool': 3, imagenet: 7 };

/** Channels of the stem and of the first stage with width 1; they double from stage to stage. */
export const FIRST_CHANNELS = 64;
const EXPANSION = 4;

/** Number of blocks in each of a ResNet's stages. */
export function blocksOf(arch: string): readonly number[] {
  return depthsOf(arch).blocks;
}

/** Whether a ResNet's blocks are bottlenecks, which give four times as many channels. */
export function hasBottlenecks(arch: string): boolean {
  return depthsOf(arch).bottleneck;
}

/** Whether two stems have the same tensors: max-pooling has none. */
export function hasSameTensors(one: Stem, other: Stem): boolean {
  return STEM_SIDES[one] === STEM_SIDES[other];
}

/**
 * Every parameter and buffer of a backbone, under the reference's names and in PyTorch's order.
 * Convolutions have shape (out, in, k, k).
 * @param arch one of `ARCHS`
 * @param factor of every number of channels
 */
export function backboneLayout(arch: string, stem: Stem, factor = 1): Layout {
  const { blocks, bottleneck } = depthsOf(arch);
  const first = FIRST_CHANNELS * factor;
  const layout: Layout[number][] = convolutionNorm('f.0', 'f.1', 3, first, STEM_SIDES[stem]);
  let channels = first;
  for (const [stage, count] of blocks.entries()) {
    const width = first * 2 ** stage;
    const out = bottleneck ? EXPANSION * width : width;
    for (let block = 0; block < count; block++) {
      const name = `f.${stage + 3}.${block}`;
      layout.push(...blockLayout(name, channels, width, out));
      if (channels !== out || (stage > 0 && block === 0)) {
        const [shortcut, norm] = [`${name}.downsample.0`, `${name}.downsample.1`];
        layout.push(...convolutionNorm(shortcut, norm, channels, out, 1));
      }
      channels = out;
    }
  }
  return layout;
}

function depthsOf(arch: string): Depths {
  return DEPTHS.get(arch) as Depths;
}

/** The body of a residual block: two convolutions, or, where it widens its output, a bottleneck. */
function blockLayout(name: string, channels: number, width: number, out: number): Layout {
  const [sides, widths] =
    width === out
      ? [[3, 3] as const, [channels, width, out]]
      : [[1, 3, 1] as const, [channels, width, width, out]];
  return sides.flatMap((side, index) => {
    const [from, to] = widths.slice(index, index + 2) as [number, number];
    return convolutionNorm(`${name}.conv${index + 1}`, `${name}.bn${index + 1}`, from, to, side);
  });
}

function convolutionNorm(
  convolution: string,
  norm: string,
  from: number,
  to: number,
  side: number,
) {
  return [
    { name: `${convolution}.weight`, shape: [to, from, side, side] },
    ...['weight', 'bias', 'running_mean', 'running_var'].map((kind) => {
      return { name: `${norm}.${kind}`, shape: [to] };
    }),
    { name: `${norm}.num_batches_tracked`, shape: [] as number[] },
  ];
}
