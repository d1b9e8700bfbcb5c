import type { NativeEncoderShape } from '../native/encoder.js';
import type { Architecture, BackboneKind } from './architecture.js';
import { REFERENCE_HEAD } from './headLayout.js';

/** An encoder as the addon names it. */
export function encoderShape({
  arch,
  width,
  stem,
  featureDim,
  head,
}: BackboneKind & Partial<Pick<Architecture, 'featureDim' | 'head'>>): NativeEncoderShape {
  const { layers, hiddenDim, batchNorm, lastBatchNorm } = head ?? { ...REFERENCE_HEAD, layers: 0 };
  return {
    ...{ arch, width, stem, featureDim: featureDim ?? 0 },
    ...{ headLayers: layers, headHiddenDim: hiddenDim },
    ...{ headBatchNorm: batchNorm, headLastBatchNorm: lastBatchNorm },
  };
}
