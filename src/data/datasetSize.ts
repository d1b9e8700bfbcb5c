import { cifarFiles, pictureCounts } from './cifarFiles.js';
import { CIFAR10, CIFAR100, type CifarVariant, cifarCounts } from './cifarVariant.js';
import type { DatasetRequest, DatasetSize } from './dataset.js';
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

async function cifarSize(variant: CifarVariant, dataRoot: string): Promise<DatasetSize> {
  const copy = await findCifar(variant, dataRoot);
  if (copy === undefined) return { ...cifarCounts(variant), source: `of ${variant.name}` };
  const counts = pictureCounts(await cifarFiles(variant, copy));
  return { ...counts, source: `in ${copy.folder}` };
}
