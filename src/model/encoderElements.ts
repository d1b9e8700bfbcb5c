import { elementCount } from '../formats/storedTensors.js';
import type { NativeAddon } from '../native/addon.js';
import type { NativeEncoderShape } from '../native/encoder.js';

/** Numbers in an encoder: in its parameters and buffers, the projection head's included. */
export function encoderElements(
  addon: Pick<NativeAddon, 'encoderLayout'>,
  encoder: NativeEncoderShape,
): number {
  const layout = addon.encoderLayout(encoder);
  return layout.reduce((sum, { shape }) => sum + elementCount(shape), 0);
}
