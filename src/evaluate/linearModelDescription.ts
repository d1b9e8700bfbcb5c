import type { LinearConfig } from '../config/linearConfig.js';
import type { Evaluator } from './createEvaluator.js';

/**
 * What the file of a linear model says of itself, in its record `moco.json`: how its backbone is to be
 * used, and the class that each output of the classifier stands for.
 * @param epoch after which it is written
 */
export function linearModelDescription(
  { description, classes }: Pick<Evaluator, 'description' | 'classes'>,
  config: LinearConfig,
  epoch: number,
): string {
  const { mocoVersion, model, dataset } = description;
  const { arch, stem, input } = model;
  const trainedOn = { name: dataset.name, pictures: dataset.trainPictures };
  const of = { format: 'moco-model', mocoVersion, arch, stem, input, classes, trainedOn };
  return JSON.stringify({ ...of, epoch, config });
}
