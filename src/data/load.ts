import { loadCifar } from './cifar.js';
import { CIFAR10, CIFAR100 } from './cifarVariant.js';
import type { Dataset, DatasetRequest, LoadOptions, PicturesInMemory } from './dataset.js';
import { loadShapes } from './shapes.js';

/**
 * Loads a data set into memory: from its files below `request.dataRoot`, downloaded there if need
 * be, or generated. The event loop stays free.
 * @throws MocoError `ERR_MOCO_DATA` for wrong files, `_NETWORK` for a failed download, `_OUTPUT`
 *   where it cannot be written, `_CONFIG` for a wrong address in the environment, `_ABORTED` after
 *   the signal
 */
export async function loadDataset(
  request: DatasetRequest,
  options: LoadOptions = {},
): Promise<Dataset<PicturesInMemory>> {
  switch (request.dataset) {
    case 'cifar10':
      return loadCifar(CIFAR10, request, options);
    case 'cifar100':
      return loadCifar(CIFAR100, request, options);
    case 'shapes':
      return loadShapes(request, options);
  }
}
