import { join } from 'node:path';
import type { TrainConfig } from '../config/trainConfig.js';
import { pythonFloat } from '../formats/pythonFloat.js';
import type { RunFiles } from './events.js';

/** Where a run writes: the reference's names, `{dim}_{m}_{T}_{momentum}_{k}_{batch}_{epochs}`. */
export function runFiles(config: TrainConfig): RunFiles {
  const { featureDim, m, temperature, momentum, k, batchSize, epochs } = config;
  const floats = [pythonFloat(temperature), pythonFloat(momentum)];
  const name = [featureDim, m, ...floats, k, batchSize, epochs].join('_');
  const directory = join(config.out, name);
  return {
    results: `${directory}_results.csv`,
    model: modelOf(directory),
    directory,
    lastModel: join(directory, 'last_model.pth'),
  };
}

/** The best model of the run with that directory. */
export function modelOf(directory: string): string {
  return `${directory}_model.pth`;
}
