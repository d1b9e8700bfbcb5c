import { benchCommand } from './benchConfig.js';
import { doctorCommand } from './doctorConfig.js';
import { duplicatesCommand } from './duplicatesConfig.js';
import { embedCommand } from './embedConfig.js';
import { exportCommand } from './exportConfig.js';
import { knnCommand } from './knnConfig.js';
import { linearCommand } from './linearConfig.js';
import { neighboursCommand } from './neighboursConfig.js';
import { searchCommand } from './searchConfig.js';
import { serveCommand } from './serveConfig.js';
import { trainCommand } from './trainConfig.js';

/** The commands that take a configuration, by name. */
export const commands = {
  train: trainCommand,
  knn: knnCommand,
  linear: linearCommand,
  neighbours: neighboursCommand,
  embed: embedCommand,
  search: searchCommand,
  duplicates: duplicatesCommand,
  serve: serveCommand,
  export: exportCommand,
  bench: benchCommand,
  doctor: doctorCommand,
} as const;

export type CommandName = keyof typeof commands;
