import { MocoError } from '../error.js';
import type { HeadLayer } from '../model/headLayout.js';
import type { NormedLayer, ResNet } from './resnet.js';

/** Numbers in fp32, row-major. */
export interface Weight {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** Weights by the names of their tensors, in the model's order. */
export type Weights = ReadonlyMap<string, Weight>;

/** What BatchNorm adds to a variance, in PyTorch's default and in all ResNets that moco knows. */
export const EPSILON = 1e-5;

/**
 * Folds every BatchNorm into the layer before it, which gets a bias: the result is the same function,
 * up to rounding. Computed in double precision, and rounded once.
 * @param weights with each layer's `weight`, and its norm's `weight`, `bias` and statistics
 * @param head the layers of the projection head; none where there is no head
 * @throws MocoError `ERR_MOCO_NON_FINITE` where fp32 cannot hold what comes out
 */
export function folded(weights: Weights, resnet: ResNet, head: readonly HeadLayer[]): Weights {
  const norms = new Map(
    normedLayers(resnet, head).map(({ layer, norm }) => [`${layer}.weight`, norm]),
  );
  const parts = ['weight', 'bias', 'running_mean', 'running_var'];
  const gone = new Set(
    [...norms.values()].flatMap((norm) => parts.map((part) => `${norm}.${part}`)),
  );
  const result = new Map<string, Weight>();
  for (const [name, weight] of weights) {
    if (gone.has(name)) continue;
    const norm = norms.get(name);
    if (norm === undefined) {
      result.set(name, weight);
      continue;
    }
    const values = parts.map((part) => (weights.get(`${norm}.${part}`) as Weight).data);
    const layer = name.replace(/\.weight$/, '');
    const together = foldedLayer(weight, values as [Values, Values, Values, Values]);
    requireFinite(layer, together);
    result.set(name, together.weight);
    result.set(`${layer}.bias`, together.bias);
  }
  return result;
}

/**
 * Gives BatchNorm without weight and bias those that change nothing, since ONNX has no other one.
 */
export function withAffineNorms(weights: Weights, head: readonly HeadLayer[]): Weights {
  const result = new Map(weights);
  for (const { norm, isAffine } of head) {
    if (norm === undefined || isAffine) continue;
    const { shape } = weights.get(`${norm}.running_mean`) as Weight;
    const length = shape[0] as number;
    result.set(`${norm}.weight`, { shape, data: new Float32Array(length).fill(1) });
    result.set(`${norm}.bias`, { shape, data: new Float32Array(length) });
  }
  return result;
}

type Values = Float32Array;

function normedLayers({ stem, blocks }: ResNet, head: readonly HeadLayer[]): NormedLayer[] {
  const inBlocks = blocks.flatMap(({ body, shortcut }) => [
    ...body,
    ...(shortcut ? [shortcut] : []),
  ]);
  const inHead = head.flatMap(({ layer, norm }) => (norm === undefined ? [] : [{ layer, norm }]));
  return [stem, ...inBlocks, ...inHead];
}

/** norm(W x) = (s W) x + (β − s μ) with s = γ / √(σ² + ε), one s for each output of W. */
function foldedLayer(
  { shape, data }: Weight,
  [gamma, beta, mean, variance]: readonly [Values, Values, Values, Values],
): { weight: Weight; bias: Weight } {
  const outputs = shape[0] as number;
  const each = data.length / outputs;
  const weight = new Float32Array(data.length);
  const bias = new Float32Array(outputs);
  for (let output = 0; output < outputs; output++) {
    const scale = at(gamma, output) / Math.sqrt(at(variance, output) + EPSILON);
    bias[output] = at(beta, output) - scale * at(mean, output);
    for (let i = output * each; i < (output + 1) * each; i++) weight[i] = scale * at(data, i);
  }
  return { weight: { shape, data: weight }, bias: { shape: [outputs], data: bias } };
}

function at(values: Values, index: number): number {
  return values[index] as number;
}

function requireFinite(layer: string, { weight, bias }: { weight: Weight; bias: Weight }): void {
  if (allFinite(weight) && allFinite(bias)) return;
  const message = `${layer}: with its BatchNorm folded in, its weights are not finite`;
  throw new MocoError('ERR_MOCO_NON_FINITE', message, {
    hint: 'Its running variance is negative, or its weights are too large for fp32: export it without folding, or take another model.',
  });
}

function allFinite({ data }: Weight): boolean {
  for (let i = 0; i < data.length; i++) if (!Number.isFinite(data[i])) return false;
  return true;
}
