import { basename } from 'node:path';
import type { LinearConfig } from '../config/linearConfig.js';
import type { Evaluator } from './createEvaluator.js';

/** Keys that name folders and files, or do not decide what is computed. */
const NOT_TOLD: readonly string[] = [
  ...(['modelPath', 'prefix', 'data', 'labels', 'dataRoot', 'out', 'dataThreads'] as const),
] satisfies (keyof LinearConfig)[];

/**
 * What the file of a linear model says of itself, in its record `moco.json`: how its backbone is to be
 * used, and the class that each output of the classifier stands for. The same evaluation gives the
 * same text: it names no time and no folder.
 * @param epoch after which it is written
 */
export function linearModelDescription(
  { description, classes }: Pick<Evaluator, 'description' | 'classes'>,
  config: LinearConfig,
  epoch: number,
): string {
  const { mocoVersion, model, dataset } = description;
  const { arch, width, stem, input } = model;
  const trainedOn = { name: basename(dataset.name), pictures: dataset.trainPictures };
  const of = { format: 'moco-model', mocoVersion, arch, width, stem, input, classes, trainedOn };
  const told = Object.entries(config).filter(([key]) => !NOT_TOLD.includes(key));
  return JSON.stringify({ ...of, epoch, config: Object.fromEntries(told) });
}
