import { z } from 'zod';
import { DESCRIPTION_RECORD } from '../formats/pth.js';
import type { TensorFile } from '../formats/tensorFile.js';
import { type ModelInput, modelInputSchema } from './modelInput.js';

/** One line of results: loss, accuracies …; null where a value is not finite. */
export type MetricsRow = Readonly<Record<string, number | null>>;

/** What moco says of a model or checkpoint that it wrote, or what can be told of another's. */
export interface ModelDescription {
  /** Epochs trained. */
  readonly epoch?: number | undefined;
  /** Steps done of the epoch after it. */
  readonly step?: number | undefined;
  readonly mocoVersion?: string | undefined;
  /** One row for each evaluation. */
  readonly results?: readonly MetricsRow[] | undefined;
  /** The epoch that was the best until then. */
  readonly bestEpoch?: number | undefined;
  /** What the encoder sees of a picture. */
  readonly input?: ModelInput | undefined;
  /** Name, number and fingerprint of the pictures that it was trained on. */
  readonly trainedOn?: TrainedOn | undefined;
  /** The run's complete configuration. */
  readonly config?: Readonly<Record<string, unknown>> | undefined;
}

export const trainedOnSchema = z.object({
  name: z.string(),
  pictures: z.int().min(0),
  fingerprint: z.string().optional(),
});

/** The pictures that a model was trained on. */
export type TrainedOn = Readonly<z.output<typeof trainedOnSchema>>;

const metricsSchema = z.record(z.string(), z.number().nullable());

const setting = z.union([z.string(), z.number(), z.boolean(), z.null()]);

/** Settings, or a list of them. */
const settings = z.record(z.string(), z.union([setting, z.array(setting)]));

/**
 * Not nested more deeply than `views` is, because JSON from a file can be nested more deeply than a
 * program can print.
 */
const configSchema = z.record(
  z.string(),
  z.union([setting, z.array(z.union([setting, settings]))]),
);

/** The record `moco.json` of a model file. */
const modelSchema = z
  .looseObject({
    format: z.literal('moco-model'),
    mocoVersion: z.string(),
    epoch: z.int().min(0),
    step: z.int().min(0).optional(),
    metrics: metricsSchema.optional(),
    input: modelInputSchema.optional(),
    trainedOn: trainedOnSchema.optional(),
    config: configSchema,
  })
  .transform(({ mocoVersion, epoch, step, metrics, input, trainedOn, config }) => {
    return { mocoVersion, epoch, step, results: metrics && [metrics], input, trainedOn, config };
  });

/** The text `run` of a checkpoint, as far as it is shown. */
const runSchema = z
  .looseObject({
    epoch: z.int().min(0),
    step: z.int().min(0),
    mocoVersion: z.string(),
    input: modelInputSchema.optional(),
    trainedOn: trainedOnSchema.optional(),
    config: configSchema,
    results: z.array(metricsSchema),
    best: z.object({ epoch: z.int() }).optional(),
  })
  .transform(({ epoch, step, mocoVersion, input, trainedOn, config, results, best }) => {
    return { epoch, step, mocoVersion, input, trainedOn, config, results, bestEpoch: best?.epoch };
  });

/**
 * What a file says of its own model. A description that is not as moco writes it is ignored, since
 * the tensors can be read without it.
 */
export function describeModel({ metadata, scalars }: TensorFile): ModelDescription {
  const epoch = scalars.get('epoch');
  const told = typeof epoch === 'number' ? { epoch } : {};
  return (
    parse(modelSchema, metadata.get(DESCRIPTION_RECORD)) ??
    parse(runSchema, metadata.get('run')) ??
    told
  );
}

const stemSchema = z.looseObject({
  stem: z.string().optional(),
  config: z.looseObject({ stem: z.string().optional() }).optional(),
});

/** The first layers of a file's own model by what it says, which its tensors show only in part. */
export function toldStem({ metadata }: TensorFile): string | undefined {
  const text = metadata.get(DESCRIPTION_RECORD) ?? metadata.get('run');
  const told = parse(stemSchema, text);
  return told?.stem ?? told?.config?.stem;
}

/**
 * What a copy of a file's model should say of itself, as its own record; empty where nothing is
 * known. A checkpoint's query encoder becomes a model.
 */
export function descriptionRecord({ metadata }: TensorFile): string {
  const run = parse(runSchema, metadata.get('run'));
  if (run === undefined) return metadata.get(DESCRIPTION_RECORD) ?? '';
  const { epoch, step, results, config, mocoVersion, input, trainedOn } = run;
  const metrics = results.at(-1);
  const of = { format: 'moco-model', mocoVersion, input, trainedOn, epoch };
  return JSON.stringify({ ...of, ...(step > 0 && { step }), ...(metrics && { metrics }), config });
}

function parse<T extends z.ZodType>(schema: T, text = ''): z.output<T> | undefined {
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
