import type { BestBy } from '../config/measures.js';
import type { TrainConfig } from '../config/trainConfig.js';
import type { Pictures } from '../data/dataset.js';
import { holdOut } from '../data/holdOut.js';
import { hasLabels } from '../data/labelled.js';
import type { NativeAddon } from '../native/addon.js';
import type { NativeTrainer } from '../native/trainer.js';
import type { InputDataset } from '../pictures/input.js';
import { version } from '../version.js';
import type { TrainerDescription } from './events.js';
import { runFiles } from './runFiles.js';

/** What a run trains on, and what it is measured with after every epoch. */
export interface Splits {
  readonly train: Pictures;
  readonly evaluated: Pictures;
  readonly validationPictures: number;
  /** Whether both have labels, some at least. */
  readonly isLabelled: boolean;
}

/**
 * The splits of a run: it is measured with the pictures that are held out, where any are asked for;
 * else with those that the data set has for choosing; else with the test pictures.
 */
export function splitsOf({ validation: count, seed }: TrainConfig, dataset: InputDataset): Splits {
  const { train, validation = count > 0 ? undefined : dataset.validation } = holdOut(
    dataset,
    count,
    seed,
  );
  const evaluated = validation ?? dataset.test;
  return {
    train,
    evaluated,
    validationPictures: validation?.count ?? 0,
    isLabelled: hasLabels(train) && hasLabels(evaluated),
  };
}

/** What a program is told of a trainer that was made. */
export function describeTrainer(
  config: TrainConfig,
  { name, classes, test, fingerprint, ...dataset }: InputDataset,
  { train, validationPictures, isLabelled }: Splits,
  bestBy: BestBy,
  { libtorchVersion }: NativeAddon,
  native: NativeTrainer,
  fitted: Pick<TrainerDescription, 'budget' | 'recipe'>,
): TrainerDescription {
  const { mean, std, cropShare, imageSize } = dataset;
  const pictures = { trainPictures: train.count, testPictures: test.count, validationPictures };
  return {
    mocoVersion: version,
    libtorchVersion,
    ...native.description,
    dataset: { name, classes: classes.length, ...pictures, isLabelled, fingerprint },
    input: { imageSize, cropShare, mean, std },
    bestBy,
    ...fitted,
    files: runFiles(config),
  };
}
