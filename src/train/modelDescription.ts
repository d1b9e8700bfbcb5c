import { basename } from 'node:path';
import type { TrainConfig } from '../config/trainConfig.js';
import type { TrainerDescription } from './events.js';
import type { Progress } from './progress.js';
import { recipeOf } from './resume.js';

/**
 * What a model file says of itself, in its record `moco.json`. The same run gives the same text: it
 * names no time and no folder.
 */
export function modelDescription(
  config: TrainConfig,
  { mocoVersion, input, dataset }: TrainerDescription,
  progress: Progress,
) {
  const { arch, width, stem, featureDim } = config;
  // An epoch counts as soon as it is trained, whether or not it is evaluated yet.
  const epoch = progress.isTrained ? progress.epoch : progress.epoch - 1;
  const metrics = progress.results.find((row) => row.epoch === epoch);
  const step = progress.isTrained ? 0 : progress.step;
  const model = { arch, width, stem, featureDim, input, trainedOn: trainedOn(dataset) };
  const of = { format: 'moco-model', mocoVersion, ...model, epoch };
  return {
    ...{ ...of, ...(step > 0 && { step }) },
    ...{ ...(metrics && { metrics }), config: recipeOf(config) },
  };
}

/** The pictures of a run, as its files name them. */
export function trainedOn({ name, trainPictures, fingerprint }: TrainerDescription['dataset']) {
  return { name: basename(name), pictures: trainPictures, ...(fingerprint && { fingerprint }) };
}
