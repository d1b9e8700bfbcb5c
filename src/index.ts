/**
 * Momentum Contrast for Node: `train` is a whole run in one call, `createTrainer` the same step by
 * step; `knn` and `linear` measure what was trained, `loadEncoder` turns pictures into features with it, `bench` and `profileStep` how fast the machine
 * is, and `doctor` examines it. `setup` fetches and builds what they compute with. The `moco` command uses what is exported here and nothing else.
 */
import './disposeSymbols.js';

export { type BenchResult, bench } from './bench/bench.js';
export type { BenchDescription, Precision } from './bench/benchmarks.js';
export type {
  BenchEvent,
  BenchMeasuringEvent,
  BenchOptions,
  BenchStartEvent,
} from './bench/events.js';
export type { Measurement } from './bench/measure.js';
export {
  type OperatorProfile,
  type ProfileResult,
  profileStep,
  type StepProfile,
} from './bench/profile.js';
export type { PhaseShares, PrecisionResult, Spread, Throughput } from './bench/summary.js';
export type { BenchConfig, BenchConfigInput } from './config/benchConfig.js';
export type { CommandConfig } from './config/commandConfig.js';
export { type CommandName, commands } from './config/commands.js';
export type { DoctorConfig, DoctorConfigInput } from './config/doctorConfig.js';
export type { DuplicatesConfig, DuplicatesConfigInput } from './config/duplicatesConfig.js';
export type { EmbedConfig, EmbedConfigInput, EmbedFormat } from './config/embedConfig.js';
export type { ExportConfig, ExportConfigInput, ExportFormat } from './config/exportConfig.js';
export { type ConfigFlag, configFlags, type TypedFlag } from './config/flags.js';
export { configJsonSchema } from './config/jsonSchema.js';
export type { KnnConfig, KnnConfigInput } from './config/knnConfig.js';
export type { LinearConfig, LinearConfigInput } from './config/linearConfig.js';
export type { BestBy, MeasureName } from './config/measures.js';
export type { NeighboursConfig, NeighboursConfigInput } from './config/neighboursConfig.js';
export { type Recipe, type RecipeAccuracy, recipe, recipes } from './config/recipes.js';
export { givenConfig, parseConfig, resolveConfig } from './config/resolve.js';
export type { SearchConfig, SearchConfigInput } from './config/searchConfig.js';
export type { ServeConfig, ServeConfigInput, ServiceLimits } from './config/serveConfig.js';
export { configTemplate, writeConfigTemplate } from './config/template.js';
export type { TrainConfig, TrainConfigInput, TrainSettings } from './config/trainConfig.js';
export { type JoinProcessesOptions, joinProcesses } from './distributed/joinProcesses.js';
export type { ProcessGroup } from './distributed/processGroup.js';
export { type DoctorOptions, type DoctorReport, doctor } from './doctor/doctor.js';
export type { Finding } from './doctor/finding.js';
export type { DownloadProgress } from './download/transfer.js';
export type { EmbedResult, EmbedStartEvent } from './embed/embedEvents.js';
export { type EmbedPicturesOptions, embedPictures } from './embed/embedPictures.js';
export type {
  EmbeddedBatch,
  Embeddings,
  EmbedOptions,
  EmbedStreamOptions,
  Encoder,
  EncoderDescription,
  EncoderStatistics,
  NumbersOf,
  PictureInput,
  RawPicture,
  RowType,
} from './embed/encoder.js';
export { loadEncoder } from './embed/loadEncoder.js';
export type { LoadEncoderOptions } from './embed/loadEncoderOptions.js';
export { MocoError, type MocoErrorCode } from './error.js';
export type { EvaluatorDescription } from './evaluate/createEvaluator.js';
export {
  type ClassAccuracy,
  type KnnAccuracy,
  type KnnOptions,
  type KnnResult,
  type KnnStartEvent,
  knn,
} from './evaluate/knn.js';
export { type LinearOptions, linear } from './evaluate/linear.js';
export type {
  LinearAccuracy,
  LinearDescription,
  LinearDoneEvent,
  LinearEpochEvent,
  LinearEvaluationEvent,
  LinearEvent,
  LinearFiles,
  LinearMetrics,
  LinearProbe,
  LinearStartEvent,
  LinearStepEvent,
  LinearSweepEvent,
} from './evaluate/linearEvents.js';
export { type NeighboursResult, neighbours } from './evaluate/neighbours.js';
export type { NamedPicture, Neighbour, PictureNeighbours } from './evaluate/pictureNeighbours.js';
export type { OnnxComparison } from './export/compareOnnx.js';
export type { NotCompared } from './export/compareWithOwn.js';
export { type ExportOptions, type ExportResult, exportModel } from './export/exportModel.js';
export type { ExportedModel } from './export/modelConfig.js';
export type { Architecture } from './model/architecture.js';
export type { Stem } from './model/backboneLayout.js';
export {
  type Conversion,
  type ConvertOptions,
  convertModel,
  MODEL_NAMES,
  type ModelNames,
} from './model/convertModel.js';
export type { MetricsRow } from './model/description.js';
export type { LeftOut } from './model/encoderTensors.js';
export { type FileInspection, type InspectOptions, inspectFile } from './model/inspectFile.js';
export type { ModelKind } from './model/readModel.js';
export { STEP_PHASES, type StepPhase } from './native/benchmark.js';
export type { NativeMemory } from './native/machine.js';
export type { LabelFreeMeasures, NativeMemoryPlan } from './native/trainer.js';
export { checkPictures, type DamagedBlock, type PicturesCheck } from './pictures/checkPictures.js';
export { type InspectPicturesOptions, inspectPictures } from './pictures/inspectPictures.js';
export type { PackOptions, PackProgress } from './pictures/pack.js';
export {
  type PackPicturesOptions,
  type PictureRules,
  packPictures,
} from './pictures/packPictures.js';
export type { PicturesProgress } from './pictures/reports.js';
export type { BrokenFile, SplitName } from './pictures/source.js';
export type { PicturesSummary, Range } from './pictures/summary.js';
export type { ModelEvent, WarningEvent } from './run/events.js';
export type { DuplicateGroup, DuplicatePair, Duplicates } from './search/duplicates.js';
export {
  type DuplicatesResult,
  type FindDuplicatesOptions,
  findDuplicates,
} from './search/findDuplicates.js';
export type {
  BuildOptions,
  DuplicateOptions,
  DuplicateProgress,
  LoadOptions,
  Metric,
  QueryOptions,
  SearchOptions,
} from './search/indexOptions.js';
export type { FoundNeighbours, IndexDescription } from './search/indexTypes.js';
export { NeighbourIndex } from './search/neighbourIndex.js';
export {
  type SearchPicturesOptions,
  type SearchPicturesResult,
  searchPictures,
} from './search/searchPictures.js';
export { mocoService } from './serve/mocoService.js';
export { type RunningService, type ServeOptions, serve } from './serve/serve.js';
export type { ServiceOptions } from './serve/serviceOptions.js';
export { type CacheEntry, cachedSetups, pruneSetups } from './setup/cacheContents.js';
export { type SetupEvent, type SetupOptions, type SetupResult, setup } from './setup/setup.js';
export type { BudgetPlan } from './train/budgetPlan.js';
export { resumedConfig } from './train/checkpoint.js';
export { createTrainer } from './train/createTrainer.js';
export type { CreateTrainerOptions } from './train/createTrainerOptions.js';
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
} from './train/events.js';
export { type TrainOptions, train } from './train/train.js';
export type { Trainer } from './train/trainer.js';
export type { UsedRecipe } from './train/usedRecipe.js';
