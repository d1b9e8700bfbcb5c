import { benchCommand } from './benchConfig.js';
import { knnCommand } from './knnConfig.js';
import { linearCommand } from './linearConfig.js';
import { trainCommand } from './trainConfig.js';

/** The commands that take a configuration, by name. */
export const commands = {
  train: trainCommand,
  knn: knnCommand,
  linear: linearCommand,
  bench: benchCommand,
} as const;

export type CommandName = keyof typeof commands;
