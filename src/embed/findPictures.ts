import type { EmbedConfig } from '../config/embedConfig.js';
import { type Dataset, PACKED_DATASETS, type PackedDatasetName } from '../data/dataset.js';
import { loadDataset } from '../data/load.js';
import { storedSizeFor } from '../data/storedSize.js';
import type { ModelInput } from '../model/modelInput.js';
import { datasetOf } from '../pictures/datasetOf.js';
import type { InputOptions } from '../pictures/input.js';
import type { PackedPictures } from '../pictures/openPacked.js';
import { onlyFile, openAsAsked } from '../pictures/packedFor.js';
import { packedNamed } from '../pictures/packedNamed.js';
import type { EmbedSource } from './embedSource.js';
import { folderPictures } from './folderPictures.js';
import { datasetPictures, packedPictures } from './storedPictures.js';

/** Pictures that were found. */
export interface FoundPictures {
  /** What a model sees of them that does not say it itself, as `moco knn` settles it. */
  readonly input: Partial<ModelInput>;
  /** Height and width in which they are stored; `auto`: they are decoded to what the model wants. */
  readonly side: number | 'auto';
  /** @param side height and width to which files are decoded */
  open(side: number): Promise<EmbedSource>;
}

/**
 * Finds the pictures that a run embeds; those of a data set that has a name are downloaded if need be.
 * @param config with absolute paths
 * @throws MocoError `ERR_MOCO_DATA` for wrong files and folders, `_NETWORK`, `_OUTPUT`, `_ABORTED`
 */
export async function findPictures(
  config: EmbedConfig,
  options: InputOptions,
): Promise<FoundPictures> {
  const { data, dataset, dataRoot, imageSize, subset } = config;
  const { signal, onPack, ...others } = options;
  const file = await onlyFile(data);
  if (file !== undefined) {
    return ofPacked(await openAsAsked(file, { ...config, split: 'auto' }), config);
  }
  if (data.length > 0) {
    const cropShare = imageSize === 'auto' ? 1 : imageSize / storedSizeFor(imageSize);
    const open = (side: number) => folderPictures(config, side, signal);
    return { input: { cropShare }, side: 'auto', open };
  }
  if (isPacked(dataset)) {
    const progress = { onProgress: onPack, signal };
    return ofPacked(await packedNamed(dataset, dataRoot, { ...progress, ...others }), config);
  }
  const loaded = await loadDataset({ dataset, dataRoot, seed: 0 }, { signal, ...others });
  return {
    input: inputOf(loaded, loaded.train.height),
    side: loaded.train.height,
    open: async () => datasetPictures(loaded, subset),
  };
}

function isPacked(name: EmbedConfig['dataset']): name is PackedDatasetName {
  return PACKED_DATASETS.some((packed) => packed === name);
}

function ofPacked(packed: PackedPictures, { subset }: EmbedConfig): FoundPictures {
  return {
    input: inputOf(datasetOf(packed), packed.meta.imageSize),
    side: packed.pixels.side,
    open: async () => await packedPictures(packed, subset),
  };
}

function inputOf({ cropShare, mean, std }: Dataset, imageSize: number): ModelInput {
  return { imageSize, cropShare, mean, std };
}
