import type { Dataset, Pictures } from '../data/dataset.js';
import type { StoredTensor } from '../formats/tensorFile.js';

/** One split of a data set as the addon takes it. */
export type NativePictures = Pictures;

/** A data set as the addon takes it; the arrays must stay as they are until the promise settles. */
export interface NativeDataset extends Pick<Dataset, 'classes' | 'mean' | 'std' | 'cropShare'> {
  /** What is trained on, and what votes in a kNN evaluation. */
  readonly train: NativePictures;
  readonly test: NativePictures;
  /** Pictures to choose the best epoch or learning rate by; they are not in `train`. */
  readonly validation?: NativePictures | undefined;
}

/** Number and size of the pictures that a run will have. */
export interface NativePictureCounts {
  readonly train: number;
  readonly test: number;
  /** Of the stored pictures. */
  readonly height: number;
  readonly width: number;
  /** Whether the pictures stay in a file where a CPU trains, and take no memory. */
  readonly staysInFile: boolean;
}

/** Tensors to be read from one file. */
export interface NativeTensorSource {
  readonly path: string;
  readonly tensors: readonly StoredTensor[];
}
