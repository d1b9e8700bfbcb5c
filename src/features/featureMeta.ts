import { z } from 'zod';
import { modelInputSchema } from '../model/modelInput.js';

/** Version of what a feature file holds. */
export const FEATURE_VERSION = 1;

/** The `format` in the metadata of a feature file. */
export const FEATURE_FORMAT = 'moco-features';

/** What of an encoder gives the features: its backbone, or its projection head. */
export const OUTPUTS = ['features', 'projection'] as const;

/** How vectors are compared. */
export const METRICS = ['cosine', 'dot', 'euclidean'] as const;

/** How a feature file was made, as its header says it. */
export const featureMetaSchema = z.object({
  version: z.literal(FEATURE_VERSION),
  mocoVersion: z.string(),
  /** The model that the features are of; absent where moco did not compute them. */
  model: z
    .object({
      /** Of the file, without its folder. */
      name: z.string(),
      arch: z.string(),
      stem: z.string(),
      /** Of the file's bytes, in hexadecimal digits. */
      sha256: z.string().regex(/^[0-9a-f]{64}$/),
    })
    .optional(),
  /** What the model saw of a picture. */
  input: modelInputSchema.optional(),
  output: z.enum(OUTPUTS).optional(),
  /** Whether each row has length 1. */
  normalized: z.boolean(),
  /** By which an index compares them; absent where nobody has chosen. */
  metric: z.enum(METRICS).optional(),
});

/** How a feature file was made. */
export type FeatureMeta = Readonly<z.output<typeof featureMetaSchema>>;
