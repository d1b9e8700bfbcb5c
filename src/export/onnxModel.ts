import { MocoError } from '../error.js';
import { type OnnxNode, type OnnxOrigin, type OnnxValue, onnxMessage } from './onnxMessages.js';
import { FEATURES, type ForwardPass, INPUT, PROJECTION, type Step } from './steps.js';
import { EPSILON, type Weights } from './weights.js';

/** What the outputs are called: as transformers.js expects it of an encoder of pictures. */
export const OUTPUTS = { features: 'image_embeds', pooled: 'pooler_output' } as const;

/** A file must be shorter than protocol buffers can be. */
const MAX_BYTES = 2 ** 31 - 1;

/** Lengths of what goes in and comes out. */
export interface OnnxSizes {
  readonly imageSize: number;
  readonly featureLength: number;
  /** Undefined where the model has no projection head. */
  readonly featureDim: number | undefined;
}

/**
 * A model for ONNX runtimes, in pieces. Input `pixel_values` (batch, 3, imageSize, imageSize),
 * normalised; outputs `image_embeds` and `pooler_output`, both the features (batch, C), and, where
 * there is a head, `projection` (batch, D).
 * @throws MocoError `ERR_MOCO_CHECKPOINT` where it would be larger than such a file can be
 */
export function onnxModel(
  { backbone, head }: ForwardPass,
  weights: Weights,
  { imageSize, featureLength, featureDim }: OnnxSizes,
  origin: OnnxOrigin,
): readonly Uint8Array[] {
  const features = (name: string): OnnxValue => ({ name, dimensions: ['batch', featureLength] });
  const projection = { name: PROJECTION, dimensions: ['batch', featureDim ?? 0] };
  const graph = {
    name: 'encoder',
    nodes: [...backbone, ...(head ?? [])].flatMap(nodesOf),
    weights,
    inputs: [{ name: INPUT, dimensions: ['batch', 3, imageSize, imageSize] }],
    outputs: [
      features(OUTPUTS.features),
      features(OUTPUTS.pooled),
      ...(head === undefined ? [] : [projection]),
    ],
  };
  const { length, pieces } = onnxMessage(graph, origin);
  if (length > MAX_BYTES) throw tooLarge(length);
  return pieces;
}

function nodesOf(step: Step): OnnxNode[] {
  const { op, input, output } = step;
  switch (op) {
    case 'convolution': {
      const { stride, padding, layer, hasBias } = step;
      const attributes = [
        { name: 'pads', integers: Array(4).fill(padding) },
        { name: 'strides', integers: [stride, stride] },
      ];
      return [
        { operator: 'Conv', inputs: [input, ...tensors(layer, hasBias)], output, attributes },
      ];
    }
    case 'linear': {
      const { layer, hasBias } = step;
      const attributes = [{ name: 'transB', integer: 1 }];
      const inputs = [value(input), ...tensors(layer, hasBias)];
      return [{ operator: 'Gemm', inputs, output, attributes }];
    }
    case 'norm': {
      const parts = ['weight', 'bias', 'running_mean', 'running_var'];
      const inputs = [input, ...parts.map((part) => `${step.layer}.${part}`)];
      const attributes = [{ name: 'epsilon', float: EPSILON }];
      return [{ operator: 'BatchNormalization', inputs, output, attributes }];
    }
    case 'maxPool': {
      const attributes = [
        { name: 'kernel_shape', integers: [3, 3] },
        { name: 'pads', integers: [1, 1, 1, 1] },
        { name: 'strides', integers: [2, 2] },
      ];
      return [{ operator: 'MaxPool', inputs: [input], output, attributes }];
    }
    case 'add':
      return [{ operator: 'Add', inputs: [input, step.other], output }];
    case 'relu':
      return [{ operator: 'Relu', inputs: [input], output }];
    case 'mean': {
      const pooled = `${output}.mean`; // (batch, C, 1, 1)
      return [
        { operator: 'GlobalAveragePool', inputs: [input], output: pooled },
        { operator: 'Flatten', inputs: [pooled], output: OUTPUTS.features },
        { operator: 'Identity', inputs: [OUTPUTS.features], output: OUTPUTS.pooled },
      ];
    }
  }
}

/** What a step's input is called here. */
function value(name: string): string {
  return name === FEATURES ? OUTPUTS.features : name;
}

function tensors(layer: string, hasBias: boolean): string[] {
  return [`${layer}.weight`, ...(hasBias ? [`${layer}.bias`] : [])];
}

function tooLarge(length: number): MocoError {
  const message = `as ONNX, the model would have ${length} bytes, and at most ${MAX_BYTES} are possible`;
  return new MocoError('ERR_MOCO_CHECKPOINT', message, { hint: 'Choose another format.' });
}
