import { trainingPictures } from '../config/dataChecks.js';
import type { TrainConfig, TrainSettings } from '../config/trainConfig.js';
import { type DatasetSize, PICTURE_SIDE } from '../data/dataset.js';
import { MocoError } from '../error.js';
import type { NativeAddon } from '../native/addon.js';
import { loadAddon } from '../native/load.js';

/**
 * The configuration with the number that `batchSize: 'auto'` stands for on this machine.
 * @param size of the data set
 * @throws MocoError `ERR_MOCO_OUT_OF_MEMORY` where not even a small batch fits; `ERR_MOCO_DEVICE`
 */
export function withBatchSize(
  settings: TrainSettings,
  size: DatasetSize,
  addon: () => Pick<NativeAddon, 'chooseBatchSize'> = loadAddon,
): TrainConfig {
  const { batchSize } = settings;
  return {
    ...settings,
    batchSize: batchSize === 'auto' ? chosen(settings, size, addon()) : batchSize,
  };
}

function chosen(
  settings: TrainSettings,
  size: DatasetSize,
  addon: Pick<NativeAddon, 'chooseBatchSize'>,
): number {
  const { testLimit, validation } = settings;
  const testPictures = Math.min(testLimit ?? Number.POSITIVE_INFINITY, size.test);
  try {
    return addon.chooseBatchSize(
      { ...settings, batchSize: 0 },
      {
        train: trainingPictures(settings, size) - validation,
        test: validation > 0 ? validation : testPictures,
        height: PICTURE_SIDE,
        width: PICTURE_SIDE,
      },
    );
  } catch (error) {
    throw MocoError.from(error);
  }
}
