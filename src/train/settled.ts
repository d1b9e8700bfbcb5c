import { trainingPictures } from '../config/dataChecks.js';
import { settledStem } from '../config/settledStem.js';
import type { TrainConfig, TrainSettings } from '../config/trainConfig.js';
import { MocoError } from '../error.js';
import type { NativeAddon } from '../native/addon.js';
import { loadAddon } from '../native/load.js';
import type { FoundInput } from '../pictures/input.js';

/** What `auto` stands for in a run. */
export type Settled = Pick<TrainConfig, 'batchSize' | 'imageSize' | 'stem'>;

/**
 * What `auto` stands for, on this machine and with these pictures.
 * @throws MocoError `ERR_MOCO_OUT_OF_MEMORY` where not even a small batch fits; `ERR_MOCO_DEVICE`
 */
export function settledFor(
  settings: TrainSettings,
  input: FoundInput,
  addon: () => Pick<NativeAddon, 'chooseBatchSize'> = loadAddon,
): Settled {
  const { imageSize } = input;
  const sized = { imageSize, stem: settledStem(settings.stem, imageSize) };
  const { batchSize } = settings;
  if (batchSize !== 'auto') return { ...sized, batchSize };
  return { ...sized, batchSize: chosen({ ...settings, ...sized, batchSize: 0 }, input, addon()) };
}

function chosen(
  config: TrainConfig,
  { size, storedSize, staysInFile }: FoundInput,
  addon: Pick<NativeAddon, 'chooseBatchSize'>,
): number {
  const { testLimit, validation } = config;
  const testPictures = Math.min(testLimit ?? Number.POSITIVE_INFINITY, size.test);
  try {
    return addon.chooseBatchSize(config, {
      train: trainingPictures(config, size) - validation,
      test: validation > 0 ? validation : testPictures,
      height: storedSize,
      width: storedSize,
      staysInFile,
    });
  } catch (error) {
    throw MocoError.from(error);
  }
}
