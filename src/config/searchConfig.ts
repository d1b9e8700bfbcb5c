import { z } from 'zod';
import type { CommandConfig } from './commandConfig.js';
import { type CrossCheck, checkTogether } from './crossCheck.js';
import { computeKeys, dataKeys, indexKeys, modelKeys, path } from './sharedKeys.js';

const queriesCheck: CrossCheck<{ readonly queries: readonly string[] }> = {
  keys: ['queries'],
  problem: ({ queries }) => (queries.length > 0 ? undefined : 'expected at least one picture'),
};

/** Everything that `moco search` can be told. */
const searchConfigSchema = z
  .strictObject({
    ...modelKeys,
    modelPath: modelKeys.modelPath.describe('model that made the features: .pth or .safetensors'),
    queries: z
      .array(path('file'))
      .max(10_000)
      .default([])
      .describe('pictures whose neighbours are looked for; on the command line without the flag'),
    k: z.int().min(1).max(10_000).default(10).describe('neighbours of each'),
    ...indexKeys,
    imageSize: dataKeys.imageSize.describe(
      'height and width of what the model sees; auto: as its file says, else as the index does',
    ),
    mean: dataKeys.mean.describe(
      'what is subtracted from R, G and B (0…1), where the same say nothing',
    ),
    std: dataKeys.std.describe('what R, G and B are divided by then'),
    device: computeKeys.device,
    precision: computeKeys.precision,
    tf32: computeKeys.tf32,
    threads: computeKeys.threads,
  })
  .superRefine(checkTogether([queriesCheck]));

export const searchCommand = {
  name: 'search',
  schema: searchConfigSchema,
  operands: 'queries',
} as const satisfies CommandConfig;

/** A complete configuration of `search`: every default filled in. */
export type SearchConfig = z.output<typeof searchConfigSchema>;

/** What a program passes: every key may be left out, apart from the pictures. */
export type SearchConfigInput = z.input<typeof searchConfigSchema>;
