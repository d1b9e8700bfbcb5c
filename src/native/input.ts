import type { StoredTensor } from '../formats/tensorFile.js';

/** One split of a data set as the addon takes it: bytes, N × height × width × 3 (R, G, B). */
export interface NativePictures {
  readonly pixels: Uint8Array;
  /** One class index per picture. */
  readonly labels: Uint8Array;
  readonly count: number;
  readonly height: number;
  readonly width: number;
}

/** Tensors to be read from one file. */
export interface NativeTensorSource {
  readonly path: string;
  readonly tensors: readonly StoredTensor[];
}
