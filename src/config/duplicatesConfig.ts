import { z } from 'zod';
import type { CommandConfig } from './commandConfig.js';
import { computeKeys, indexKeys } from './sharedKeys.js';

/** Everything that `moco duplicates` can be told. */
const duplicatesConfigSchema = z.strictObject({
  threshold: z
    .number()
    .min(-1)
    .max(1)
    .default(0.95)
    .describe('the least cosine similarity of two pictures that are taken for the same'),
  maxPairs: z
    .int()
    .min(1)
    .max(10_000_000)
    .default(100_000)
    .describe('pairs that are listed, the most similar ones; groups count all'),
  ...indexKeys,
  threads: computeKeys.threads,
});

export const duplicatesCommand = {
  name: 'duplicates',
  schema: duplicatesConfigSchema,
} as const satisfies CommandConfig;

/** A complete configuration of `duplicates`: every default filled in. */
export type DuplicatesConfig = z.output<typeof duplicatesConfigSchema>;

/** What a program passes: every key may be left out. */
export type DuplicatesConfigInput = z.input<typeof duplicatesConfigSchema>;
