import type { ModelInput } from '../model/modelInput.js';

/** How many pictures an export is tried with. */
const PICTURES = 4;

/** Pictures of noise, the same every time: side × side × 3 bytes, as `loadEncoder` takes them. */
export function trialPictures(input: ModelInput): Uint8Array[] {
  const side = storedSide(input);
  let state = 1;
  const nextByte = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0; // Numerical Recipes' generator
    return state >>> 24;
  };
  return Array.from({ length: PICTURES }, () =>
    Uint8Array.from({ length: 3 * side * side }, nextByte),
  );
}

/** The side of a picture whose middle a model sees. */
export function storedSide({ imageSize, cropShare }: ModelInput): number {
  return Math.round(imageSize / cropShare);
}

/** The middle of pictures, normalised: (N, 3, imageSize, imageSize), one channel after the other. */
export function normalised(pictures: readonly Uint8Array[], input: ModelInput): Float32Array {
  const { imageSize, mean, std } = input;
  const side = storedSide(input);
  const margin = Math.floor((side - imageSize) / 2);
  const values = new Float32Array(pictures.length * 3 * imageSize * imageSize);
  let at = 0;
  for (const picture of pictures) {
    for (const channel of [0, 1, 2] as const) {
      for (let y = margin; y < margin + imageSize; y++) {
        for (let x = margin; x < margin + imageSize; x++) {
          const byte = picture[3 * (y * side + x) + channel] as number;
          values[at++] = (byte / 255 - mean[channel]) / std[channel];
        }
      }
    }
  }
  return values;
}
