import { settledStem } from './settledStem.js';
import type { TrainConfig, TrainSettings } from './trainConfig.js';

type Settled = Pick<TrainConfig, 'imageSize' | 'stem' | 'knnTemperature' | 'evalEvery'>;

/**
 * What `auto` stands for where other keys tell it.
 * @param imageSize side of the views, in pixels
 */
export function settledKeys(
  {
    stem,
    temperature,
    knnTemperature,
    evalEvery,
  }: Pick<TrainSettings, 'stem' | 'temperature' | 'knnTemperature' | 'evalEvery'>,
  imageSize: number,
): Settled {
  return {
    imageSize,
    stem: settledStem(stem, imageSize),
    knnTemperature: knnTemperature === 'auto' ? temperature : knnTemperature,
    evalEvery: evalEvery === 'auto' ? 1 : evalEvery,
  };
}
