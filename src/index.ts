/**
 * Momentum Contrast for Node: `train` is a whole run in one call, `createTrainer` the same step by
 * step. The `moco` command uses what is exported here and nothing else.
 */
export {
  type TrainFlag,
  type TypedFlag,
  trainFlags,
} from './config/flags.js';
export { trainConfigJsonSchema } from './config/jsonSchema.js';
export { parseTrainConfig, resolveTrainConfig } from './config/resolve.js';
export { trainConfigTemplate, writeTrainConfigTemplate } from './config/template.js';
export {
  type TrainConfig,
  type TrainConfigInput,
  type TrainConfigKey,
  trainConfigSchema,
} from './config/trainConfig.js';
export type { DownloadProgress } from './data/dataset.js';
export { MocoError, type MocoErrorCode } from './native/error.js';
export { type CreateTrainerOptions, createTrainer } from './train/createTrainer.js';
export type {
  BestEpoch,
  CheckpointEvent,
  DoneEvent,
  EpochEvent,
  EvaluationEvent,
  Metrics,
  RunFiles,
  StartEvent,
  StepEvent,
  TrainEvent,
  TrainerDescription,
  WarningEvent,
} from './train/events.js';
export { type TrainOptions, train } from './train/train.js';
export type { Trainer } from './train/trainer.js';
