import { z } from 'zod';
import { MEASURE_NAMES, type MeasureName } from '../config/measures.js';
import { trainedOnSchema } from '../model/description.js';
import { modelInputSchema } from '../model/modelInput.js';

const count = z.int().min(0);

/** Sums over the steps of an epoch that are done, and the values of the last of them. */
const epochSumsSchema = z.object({
  steps: count,
  loss: z.number(),
  contrastiveAccuracy: z.number(),
  gradientNorm: z.number(),
  seconds: z.number(),
  learningRate: z.number(),
  queueFill: z.number(),
});

const measure = z.number().optional();

/** An evaluation. Runs from before there were measures without labels have none of those. */
const measuredSchema = z.object({
  /** kNN accuracy, per cent. */
  top1: z.number().optional(),
  top5: z.number().optional(),
  ...(Object.fromEntries(MEASURE_NAMES.map((name) => [name, measure])) as Record<
    MeasureName,
    typeof measure
  >),
});

const evaluatedEpochSchema = z.object({
  epoch: count,
  trainLoss: z.number(),
  ...measuredSchema.shape,
});

/** How far a run is. */
const progressSchema = z.object({
  /** How many epochs are done: trained, and evaluated where that is due. */
  epoch: count,
  /**
   * How many steps of the next epoch are done; all of them where only its evaluation is missing.
   */
  step: count,
  stepsPerEpoch: count,
  sums: epochSumsSchema,
  /** The lines of the results file, and what else was measured. */
  results: z.array(evaluatedEpochSchema),
  /** The best epoch so far. */
  best: z.object({ epoch: count }).optional(),
  /** How good the untrained encoder was, where that was measured. */
  untrained: measuredSchema.optional(),
  /** How long the run took so far. */
  seconds: z.number().min(0),
});

/** How long the files that grow with a run were, in bytes. */
const logLengthsSchema = z.object({
  metrics: count,
  tensorBoard: z.object({
    file: z.string().regex(/^events\.out\.tfevents\.[^/\\]+$/),
    bytes: count,
  }),
});

/** What a checkpoint says of its run, beside the tensors: its text `run`. */
export const runStateSchema = progressSchema.extend({
  mocoVersion: z.string(),
  libtorchVersion: z.string(),
  /** The device that trained, on which it depends how sums are rounded. */
  deviceName: z.string(),
  precision: z.string(),
  /** The pictures; absent in checkpoints of before there were other ones than named data sets. */
  trainedOn: trainedOnSchema.optional(),
  /** What the encoder sees of a picture. */
  input: modelInputSchema.optional(),
  /** The complete configuration. */
  config: z.record(z.string(), z.unknown()),
  logs: logLengthsSchema,
});

export type Measured = Readonly<z.infer<typeof measuredSchema>>;
export type EvaluatedEpoch = Readonly<z.infer<typeof evaluatedEpochSchema>>;
export type EpochSums = z.infer<typeof epochSumsSchema>;
export type ProgressState = z.infer<typeof progressSchema>;
export type LogLengths = z.infer<typeof logLengthsSchema>;
export type RunState = z.infer<typeof runStateSchema>;
