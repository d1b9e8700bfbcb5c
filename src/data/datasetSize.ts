import { join } from 'node:path';
import { lyingArchive } from './cifarArchive.js';
import { cifarFiles, pictureCounts } from './cifarFiles.js';
import { exists } from './cifarFolder.js';
import { CIFAR10, CIFAR100, type CifarVariant, cifarCounts } from './cifarVariant.js';
import {
  type DatasetName,
  type DatasetRequest,
  type DatasetSize,
  STL10_FOLDER,
  TINY_IMAGENET_FOLDER,
} from './dataset.js';
import { findCifar } from './findCifar.js';
import { SIZE_BY_NAME } from './sizeByName.js';

/**
 * How large a data set is that `loadDataset` would load: by its files, or as the official one where
 * there are none yet. Nothing is downloaded.
 * @throws MocoError `ERR_MOCO_DATA` for wrong files
 */
export async function datasetSize({
  dataset,
  dataRoot,
}: Pick<DatasetRequest, 'dataset' | 'dataRoot'>): Promise<DatasetSize> {
  switch (dataset) {
    case 'cifar10':
      return await cifarSize(CIFAR10, dataRoot);
    case 'cifar100':
      return await cifarSize(CIFAR100, dataRoot);
    case 'shapes':
      return SIZE_BY_NAME.shapes;
  }
}

/**
 * Whether a data set is there, so that nothing has to be downloaded.
 * @throws MocoError `ERR_MOCO_DATA` as `datasetSize`
 */
export async function isDatasetThere({
  dataset,
  dataRoot,
}: {
  readonly dataset: DatasetName;
  readonly dataRoot: string;
}): Promise<boolean> {
  if (dataset === 'shapes') return true;
  if (dataset === 'stl10') return await exists(join(dataRoot, STL10_FOLDER));
  if (dataset === 'tiny-imagenet') return await exists(join(dataRoot, TINY_IMAGENET_FOLDER));
  const variant = dataset === 'cifar10' ? CIFAR10 : CIFAR100;
  if ((await findCifar(variant, dataRoot)) !== undefined) return true;
  return (await lyingArchive(variant, dataRoot)) !== undefined;
}

async function cifarSize(variant: CifarVariant, dataRoot: string): Promise<DatasetSize> {
  const copy = await findCifar(variant, dataRoot);
  if (copy === undefined) return { ...cifarCounts(variant), source: `of ${variant.name}` };
  const counts = pictureCounts(await cifarFiles(variant, copy));
  return { ...counts, source: `in ${copy.folder}` };
}
