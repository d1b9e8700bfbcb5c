import { elementCount } from '../formats/storedTensors.js';
import type { NativeAddon } from '../native/addon.js';
import type { Stem } from './backboneLayout.js';

/** Numbers in an encoder: in its parameters and buffers, the projection head's included. */
export function encoderElements(
  addon: Pick<NativeAddon, 'encoderLayout'>,
  arch: string,
  featureDim: number,
  stem: Stem,
): number {
  const layout = addon.encoderLayout(arch, featureDim, stem);
  return layout.reduce((sum, { shape }) => sum + elementCount(shape), 0);
}
