import {
  type Dataset,
  type DatasetName,
  type DatasetRequest,
  type DatasetSize,
  type LoadOptions,
  PACKED_DATASETS,
  type PackedDatasetName,
  PICTURE_SIDE,
  type Pictures,
} from '../data/dataset.js';
import { datasetSize } from '../data/datasetSize.js';
import { loadDataset } from '../data/load.js';
import { storedSizeFor } from '../data/storedSize.js';
import type { ProgressListener } from '../download/whileListening.js';
import { countsOf, datasetOf } from './datasetOf.js';
import type { FolderRules } from './folderSource.js';
import type { PackedPictures } from './openPacked.js';
import type { PackProgress } from './pack.js';
import { packedFor } from './packedFor.js';
import { packedNamed } from './packedNamed.js';

/** Side of the views of somebody's own pictures, in pixels, where nothing says another. */
const OWN_IMAGE_SIZE = 64;

/** Which pictures a command works on, in which size and normalised by what. */
export interface InputRequest extends Omit<DatasetRequest, 'dataset'>, FolderRules {
  readonly dataset: DatasetName;
  /** Absolute paths of folders, or of one packed file, in place of `dataset`. */
  readonly data: readonly string[];
  readonly strict: boolean;
  /** Side of the pictures that are packed, in pixels. */
  readonly storedSize: number | 'auto';
  /** Side of the views, in pixels. */
  readonly imageSize: number | 'auto';
  /** In place of the data set's own. */
  readonly mean?: readonly number[] | undefined;
  readonly std?: readonly number[] | undefined;
}

export interface InputOptions extends LoadOptions {
  /** Called a few times a second while pictures are packed; what it throws ends that. */
  readonly onPack?: ProgressListener<PackProgress> | undefined;
}

/** A data set, and the size in which its pictures are looked at. */
export interface InputDataset extends Dataset {
  /** The names of all pictures in a packed file, by their rows. */
  readonly names?: (() => Promise<readonly string[]>) | undefined;
  /** Side of the views, in pixels. */
  readonly imageSize: number;
}

/** Pictures that were found, and are packed where they are somebody's own. */
export interface FoundInput {
  readonly size: DatasetSize;
  /** Side of the views, in pixels. */
  readonly imageSize: number;
  /** Side of the stored pictures, in pixels. */
  readonly storedSize: number;
  /** Whether the pictures stay in a file, and take no memory. */
  readonly staysInFile: boolean;
  /**
   * The data set itself: files of a named one are read, and downloaded there if need be.
   * @param dataRoot where it lies after all
   * @throws MocoError as `loadDataset`
   */
  load(dataRoot?: string): Promise<InputDataset>;
}

/** Whether finding the pictures may take long, because they are packed first. */
export function isPackedFirst({ data, dataset }: Pick<InputRequest, 'data' | 'dataset'>): boolean {
  return data.length > 0 || isPackedDataset(dataset);
}

/**
 * Finds the pictures that a command works on, and how many there are. Folders are packed, unless they
 * were before and nothing has changed.
 * @throws MocoError `ERR_MOCO_DATA` for wrong files and folders, `_OUTPUT`, `_ABORTED`
 */
export async function findInput(
  request: InputRequest,
  options: InputOptions = {},
): Promise<FoundInput> {
  const { data, dataset } = request;
  if (data.length > 0) return ofPacked(request, await packed(request, options));
  if (!isPackedDataset(dataset)) return await inMemory({ ...request, dataset }, options);
  const { onPack: onProgress, ...others } = options;
  const named = await packedNamed(dataset, request.dataRoot, { onProgress, ...others });
  return ofPacked(request, named, dataset);
}

function isPackedDataset(name: DatasetName): name is PackedDatasetName {
  return PACKED_DATASETS.some((packed) => packed === name);
}

async function inMemory(
  request: InputRequest & DatasetRequest,
  options: InputOptions,
): Promise<FoundInput> {
  const imageSize = sizeOr(request.imageSize, PICTURE_SIDE);
  return {
    size: await datasetSize(request),
    ...{ imageSize, storedSize: PICTURE_SIDE, staysInFile: false },
    load: async (dataRoot = request.dataRoot) => {
      const dataset = await loadDataset({ ...request, dataRoot }, options);
      return withInput(dataset, request, imageSize);
    },
  };
}

async function packed(request: InputRequest, options: InputOptions): Promise<PackedPictures> {
  const { data, dataRoot, labels, split, testFraction, splitSeed, strict } = request;
  const imageSize = sizeOr(request.imageSize, OWN_IMAGE_SIZE);
  const storedSize = sizeOr(request.storedSize, storedSizeFor(imageSize));
  const rules = { labels, split, testFraction, splitSeed, strict, imageSize, storedSize };
  const { onPack: onProgress, signal } = options;
  return await packedFor({ data, dataRoot, ...rules }, { onProgress, signal });
}

/** @param name of the data set, where it has one */
function ofPacked(request: InputRequest, pictures: PackedPictures, name?: string): FoundInput {
  const imageSize = sizeOr(request.imageSize, pictures.meta.imageSize);
  const dataset = datasetOf(pictures, request);
  return {
    size: { ...countsOf(pictures), source: `in ${pictures.path}` },
    ...{ imageSize, storedSize: pictures.meta.storedSize, staysInFile: true },
    load: async () => ({
      ...withInput({ ...dataset, name: name ?? dataset.name }, request, imageSize),
      names: pictures.names,
    }),
  };
}

function withInput(
  dataset: Dataset<Pictures>,
  { mean, std }: InputRequest,
  imageSize: number,
): InputDataset {
  return {
    ...dataset,
    mean: (mean ?? dataset.mean) as Dataset['mean'],
    std: (std ?? dataset.std) as Dataset['std'],
    imageSize,
  };
}

function sizeOr(given: number | 'auto', otherwise: number): number {
  return given === 'auto' ? otherwise : given;
}
