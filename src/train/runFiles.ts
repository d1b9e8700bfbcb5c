import { join } from 'node:path';
import type { TrainConfig } from '../config/trainConfig.js';
import { pythonFloat } from '../formats/pythonFloat.js';
import type { RunFiles } from './events.js';

/**
 * Where a run writes. The names are the reference's:
 * `{featureDim}_{m}_{temperature}_{momentum}_{k}_{batchSize}_{epochs}`. A run within a budget has that
 * in place of the epochs, which depend on how fast the machine is.
 */
export function runFiles(config: TrainConfig): RunFiles {
  const { featureDim, m, temperature, momentum, k, batchSize, epochs, budget } = config;
  const floats = [pythonFloat(temperature), pythonFloat(momentum)];
  const name = [featureDim, m, ...floats, k, batchSize, budget ?? epochs].join('_');
  const directory = join(config.out, name);
  return {
    results: `${directory}_results.csv`,
    model: modelOf(directory),
    directory,
    lastModel: join(directory, 'last_model.pth'),
  };
}

/** The file of the best model of the run that has this directory. */
export function modelOf(directory: string): string {
  return `${directory}_model.pth`;
}
