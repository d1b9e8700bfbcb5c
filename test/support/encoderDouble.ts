import type { EncoderDescription } from '#moco/embed/encoder.js';
import { LoadedEncoder } from '#moco/embed/loadedEncoder.js';
import { type DoubleRows, NativeEncoderDouble } from './nativeEncoderDouble.js';

/** Height and width of the pictures that such a double is given, in pixels. */
export const COLOUR_SIDE = 8;

/** The row of a picture is the mean of R, of G and of B, and its first byte, all from 0 to 255. */
const COLOURS: DoubleRows = { side: COLOUR_SIDE, length: 4, rowOf: colourRow };

/** A double whose rows, and projections, tell what a picture looks like. */
export class ColourDouble extends NativeEncoderDouble {
  constructor() {
    super(COLOURS.length, COLOURS);
  }
}

/** An encoder on a double. */
export function encoderOn(
  native: NativeEncoderDouble = new ColourDouble(),
  change: Partial<EncoderDescription> = {},
): LoadedEncoder {
  const { featureLength, projectionLength, ...described } = native.description;
  const [mean, std] = [
    [0.5, 0.5, 0.5],
    [0.25, 0.25, 0.25],
  ] as const;
  return new LoadedEncoder(native, {
    ...{ mocoVersion: '0.0.0', libtorchVersion: '2.13.0', ...described, maxQueue: 1024 },
    ...{ batchInvariant: false, notices: [] },
    model: {
      ...{ path: 'model.pth', arch: 'resnet18', width: 1, stem: 'cifar' },
      input: { imageSize: native.description.side, cropShare: 1, mean, std },
    },
    dims: { features: featureLength, projection: projectionLength },
    ...change,
  });
}

/** What a `ColourDouble` makes of a picture's pixels. */
export function colourRow(pixels: Uint8Array): number[] {
  const means = [0, 1, 2].map((channel) => {
    const values = pixels.filter((_, at) => at % 3 === channel);
    return values.reduce((sum, value) => sum + value, 0) / values.length;
  });
  return [...means, pixels[0] as number];
}
