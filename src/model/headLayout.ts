import type { Layout } from './backboneLayout.js';

/** The layers of a projection head, beside the lengths of what goes in and comes out. */
export interface Head {
  /** Linear layers, one at least. */
  readonly layers: number;
  /** Length of what all but the last give. */
  readonly hiddenDim: number;
  /** Whether BatchNorm follows each of those, which then has no bias. */
  readonly batchNorm: boolean;
  /** BatchNorm after the last one, which then has no bias; `plain` has no weight and bias. */
  readonly lastBatchNorm: 'none' | 'affine' | 'plain';
}

/** A linear layer of a head, with the BatchNorm that may follow it, by their names. */
export interface HeadLayer {
  readonly layer: string;
  readonly norm: string | undefined;
  /** Whether that has weight and bias. */
  readonly isAffine: boolean;
}

/** The head of the reference and of moco's default: linear, BatchNorm, ReLU, linear with a bias. */
export const REFERENCE_HEAD: Head = {
  layers: 2,
  hiddenDim: 512,
  batchNorm: true,
  lastBatchNorm: 'none',
};

/** The layers of a head; a ReLU, which has a number of its own, follows all but the last. */
export function headLayers({ layers, batchNorm, lastBatchNorm }: Head): HeadLayer[] {
  let number = 0;
  const next = () => `g.${number++}`;
  return Array.from({ length: layers }, (_, index) => {
    const isLast = index === layers - 1;
    const layer = next();
    const norm = (isLast ? lastBatchNorm !== 'none' : batchNorm) ? next() : undefined;
    number++; // the ReLU
    return { layer, norm, isAffine: !isLast || lastBatchNorm === 'affine' };
  });
}

/** Names and shapes of a head's parameters and statistics, in PyTorch's order. */
export function headLayout(featureLength: number, featureDim: number, head: Head): Layout {
  return headLayers(head).flatMap(({ layer, norm, isAffine }, index) => {
    const from = index === 0 ? featureLength : head.hiddenDim;
    const to = index === head.layers - 1 ? featureDim : head.hiddenDim;
    const weight = { name: `${layer}.weight`, shape: [to, from] };
    if (norm === undefined) return [weight, { name: `${layer}.bias`, shape: [to] }];
    const kinds = [...(isAffine ? ['weight', 'bias'] : []), 'running_mean', 'running_var'];
    return [
      weight,
      ...kinds.map((kind) => ({ name: `${norm}.${kind}`, shape: [to] })),
      { name: `${norm}.num_batches_tracked`, shape: [] as number[] },
    ];
  });
}

/**
 * The head that the tensors `g.…` are, by their linear layers and by what stands beside those;
 * undefined where there is no linear layer. Whether nothing is missing is told by `headLayout`.
 */
export function headOf(
  layout: Layout,
): { readonly featureDim: number; readonly head: Head } | undefined {
  const names = new Set(layout.map(({ name }) => name));
  const linear = layout
    .flatMap(({ name, shape }) => {
      const [, number] = /^g\.(\d+)\.weight$/.exec(name) ?? [];
      return number !== undefined && shape.length === 2 ? [{ number: Number(number), shape }] : [];
    })
    .sort((a, b) => a.number - b.number);
  const [first, last] = [linear[0], linear.at(-1)];
  if (first === undefined || last === undefined) return undefined;
  const isNormed = ({ number }: { number: number }) => names.has(`g.${number + 1}.running_mean`);
  const isAffine = names.has(`g.${last.number + 1}.weight`);
  return {
    featureDim: last.shape[0] as number,
    head: {
      layers: linear.length,
      hiddenDim: linear.length > 1 ? (first.shape[0] as number) : REFERENCE_HEAD.hiddenDim,
      batchNorm: linear.length === 1 || isNormed(first),
      lastBatchNorm: isNormed(last) ? (isAffine ? 'affine' : 'plain') : 'none',
    },
  };
}
