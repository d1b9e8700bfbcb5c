import type { DownloadListener } from '../download/whileListening.js';

/** Pictures whose pixels stay in a file, which has them one after the other without gaps. */
export interface PixelFile {
  readonly path: string;
  /** Of the first byte of the file's first picture. */
  readonly offset: number;
  /** How many pictures the file has. */
  readonly pictures: number;
  /** Which of them these are: their numbers, in order. */
  readonly rows: Uint32Array;
}

/** One split of a data set. */
export interface Pictures {
  /** N × height × width × 3 bytes: R, G and B of one pixel after the other, row by row from the top. */
  readonly pixels: Uint8Array | PixelFile;
  /** One class index per picture, into `Dataset.classes`; −1 for a picture without label. */
  readonly labels: Int32Array;
  /** N, the number of pictures. */
  readonly count: number;
  /** Of one picture, in pixels. */
  readonly height: number;
  /** Of one picture, in pixels. */
  readonly width: number;
}

/** Pictures that are all in memory. */
export interface PicturesInMemory extends Pictures {
  readonly pixels: Uint8Array;
}

/** Height and width of a picture in every data set here, in pixels. */
export const PICTURE_SIDE = 32;

/** Bytes of one picture: 3 × 32 × 32. */
export const PICTURE_BYTES = 3 * PICTURE_SIDE * PICTURE_SIDE;

/** The data sets that have a name. */
export const DATASET_NAMES = ['cifar10', 'cifar100', 'stl10', 'tiny-imagenet', 'shapes'] as const;

export type DatasetName = (typeof DATASET_NAMES)[number];

/** Those that are packed from their published files, and stay in the packed file. */
export const PACKED_DATASETS = ['stl10', 'tiny-imagenet'] as const;

export type PackedDatasetName = (typeof PACKED_DATASETS)[number];

/** The folders in their published archives. */
export const STL10_FOLDER = 'stl10_binary';
export const TINY_IMAGENET_FOLDER = 'tiny-imagenet-200';

/** Those that `loadDataset` reads into memory. */
export type DatasetInMemory = Exclude<DatasetName, PackedDatasetName>;

/** A data set ready for training: both splits, and what is needed to normalise and name them. */
export interface Dataset<Split extends Pictures = Pictures> {
  readonly name: string;
  /** The class that label `i` stands for, at index `i`; empty where no picture has a label. */
  readonly classes: readonly string[];
  /** Per-channel (R, G, B) mean of the training pictures, on the 0…1 scale. */
  readonly mean: readonly [number, number, number];
  /** Per-channel standard deviation of the training pictures, on the 0…1 scale. */
  readonly std: readonly [number, number, number];
  readonly train: Split;
  readonly test: Split;
  /** Pictures to choose by, where the data set has a split of its own for that. */
  readonly validation?: Split | undefined;
  /**
   * Share of the side of a picture that its test view shows, around the middle; the rest is margin
   * for crops.
   */
  readonly cropShare: number;
  /** Of what the pictures, labels and splits are, where they may change: other ones have another. */
  readonly fingerprint?: string | undefined;
  /**
   * What the user should know about the data, one line each; empty where the data is as published.
   */
  readonly notices: readonly string[];
}

/** Number of pictures in each split. */
export interface SplitCounts {
  readonly train: number;
  readonly test: number;
}

/** How large a data set is; `source` says which one: "of shapes", "in data/cifar-10-batches-bin". */
export interface DatasetSize extends SplitCounts {
  readonly source: string;
}

/** Which data set to load, and how much of it. */
export interface DatasetRequest {
  readonly dataset: DatasetInMemory;
  /** Folder that holds the unpacked data sets, and takes downloaded ones. */
  readonly dataRoot: string;
  /** Number of training pictures, taken from the start; at most, and when absent, all of them. */
  readonly trainLimit?: number | undefined;
  /** Number of test pictures, taken from the start; at most, and when absent, all of them. */
  readonly testLimit?: number | undefined;
  /** Seed of generated pictures; data sets read from files do not depend on it. */
  readonly seed: number;
}

export interface LoadOptions {
  /** Called a few times a second while a data set is downloaded; what it throws ends the loading. */
  readonly onDownload?: DownloadListener | undefined;
  /** Ends the loading; a download goes on from where it was the next time. */
  readonly signal?: AbortSignal | undefined;
}
