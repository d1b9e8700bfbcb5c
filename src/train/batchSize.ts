import { trainingPictures } from '../config/dataChecks.js';
import type { TrainConfig, TrainSettings } from '../config/trainConfig.js';
import { PICTURE_SIDE } from '../data/dataset.js';
import { SPLIT_COUNTS } from '../data/splitCounts.js';
import { MocoError } from '../error.js';
import type { NativeAddon } from '../native/addon.js';
import { loadAddon } from '../native/load.js';

/**
 * The configuration with the number that `batchSize: 'auto'` stands for on this machine.
 * @throws MocoError `ERR_MOCO_OUT_OF_MEMORY` where not even a small batch fits; `ERR_MOCO_DEVICE`
 */
export function withBatchSize(
  settings: TrainSettings,
  addon: () => Pick<NativeAddon, 'chooseBatchSize'> = loadAddon,
): TrainConfig {
  const { batchSize } = settings;
  return { ...settings, batchSize: batchSize === 'auto' ? chosen(settings, addon()) : batchSize };
}

function chosen(settings: TrainSettings, addon: Pick<NativeAddon, 'chooseBatchSize'>): number {
  const { dataset, testLimit, validation } = settings;
  const testPictures = Math.min(testLimit ?? Number.POSITIVE_INFINITY, SPLIT_COUNTS[dataset].test);
  try {
    return addon.chooseBatchSize(
      { ...settings, batchSize: 0 },
      {
        train: trainingPictures(settings) - validation,
        test: validation > 0 ? validation : testPictures,
        height: PICTURE_SIDE,
        width: PICTURE_SIDE,
      },
    );
  } catch (error) {
    throw MocoError.from(error);
  }
}
