import { trainingPictures } from '../config/dataChecks.js';
import { settledKeys } from '../config/settledKeys.js';
import type { TrainConfig, TrainSettings } from '../config/trainConfig.js';
import { MocoError } from '../error.js';
import type { NativeAddon } from '../native/addon.js';
import { loadAddon } from '../native/load.js';
import type { FoundInput } from '../pictures/input.js';
import { epochsFor } from './runLength.js';

/** What `auto` stands for in a run. */
export type Settled = Pick<
  TrainConfig,
  'batchSize' | 'batchNormGroups' | 'imageSize' | 'stem' | 'knnTemperature' | 'evalEvery' | 'epochs'
> &
  Partial<Pick<TrainConfig, 'steps'>>;

/**
 * What `auto` stands for, on this machine and with these pictures.
 * @param processes that train together
 * @throws MocoError `ERR_MOCO_OUT_OF_MEMORY` where not even a small batch fits; `ERR_MOCO_DEVICE`
 */
export function settledFor(
  settings: TrainSettings,
  input: FoundInput,
  addon: () => Pick<NativeAddon, 'chooseBatchSize'> = loadAddon,
  processes = 1,
): Settled {
  const { batchSize: asked, batchNormGroups: groups, accumulate, steps, epochs } = settings;
  const sized = settledKeys(settings, input.imageSize);
  const batchSize =
    asked === 'auto' ? chosen({ ...settings, ...sized, batchSize: 0 }, input, addon()) : asked;
  const stepsPerEpoch = Math.floor(trainedPictures(settings, input) / (batchSize * accumulate));
  return {
    ...{ ...sized, batchSize },
    batchNormGroups: groups === 1 ? processes : groups, // BatchNorm computes in each process for itself
    epochs: steps === undefined ? epochs : epochsFor(steps, stepsPerEpoch),
  };
}

/** How many pictures are trained on. */
export function trainedPictures(
  settings: TrainSettings,
  { size }: Pick<FoundInput, 'size'>,
): number {
  return trainingPictures(settings, size) - settings.validation;
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
      train: trainedPictures(config, { size }),
      test: validation > 0 ? validation : testPictures,
      height: storedSize,
      width: storedSize,
      staysInFile,
    });
  } catch (error) {
    throw MocoError.from(error);
  }
}
