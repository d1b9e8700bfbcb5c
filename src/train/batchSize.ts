import { trainingPictures } from '../config/dataChecks.js';
import type { TrainConfig, TrainSettings } from '../config/trainConfig.js';
import { PICTURE_SIDE } from '../data/dataset.js';
import { SPLIT_COUNTS } from '../data/splitCounts.js';
import { MocoError } from '../error.js';
import type { NativeAddon } from '../native/addon.js';
import { gpuOptions } from '../native/gpuOptions.js';
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
  const { dataset, testLimit, validation, dataThreads } = settings;
  const testPictures = Math.min(testLimit ?? Number.POSITIVE_INFINITY, SPLIT_COUNTS[dataset].test);
  try {
    return addon.chooseBatchSize({
      arch: settings.arch,
      featureDim: settings.featureDim,
      queueLength: settings.m,
      neighbours: settings.k,
      device: settings.device,
      precision: settings.precision,
      gpu: gpuOptions(settings),
      trainPictures: trainingPictures(settings) - validation,
      testPictures: validation > 0 ? validation : testPictures,
      height: PICTURE_SIDE,
      width: PICTURE_SIDE,
      dataThreads: dataThreads === 'auto' ? 0 : dataThreads,
    });
  } catch (error) {
    throw MocoError.from(error);
  }
}
