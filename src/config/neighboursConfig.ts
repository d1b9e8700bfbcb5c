import { z } from 'zod';
import type { CommandConfig } from './commandConfig.js';
import { checkTogether } from './crossCheck.js';
import { limitChecks, neighboursCheck, ownPicturesCheck } from './dataChecks.js';
import { computeKeys, dataKeys, modelKeys, path } from './sharedKeys.js';

/** There are as many pictures as are shown. */
export const neighboursPictureChecks = [...limitChecks, neighboursCheck] as const;

/** Everything that `moco neighbours` can be told. */
const neighboursConfigSchema = z
  .strictObject({
    ...modelKeys,
    ...dataKeys,
    queries: z
      .int()
      .min(1)
      .max(500)
      .default(24)
      .describe('test pictures that are shown with their neighbours, from all over the split'),
    k: z
      .int()
      .min(1)
      .max(100)
      .default(8)
      .describe('nearest training pictures that are shown for each'),
    page: path('file').default('neighbours.html').describe('the page to write'),
    ...computeKeys,
  })
  .superRefine(checkTogether([...neighboursPictureChecks, ownPicturesCheck]));

export const neighboursCommand = {
  name: 'neighbours',
  schema: neighboursConfigSchema,
} as const satisfies CommandConfig;

/** A complete configuration of `neighbours`: every default filled in. */
export type NeighboursConfig = z.output<typeof neighboursConfigSchema>;

/** What a program passes: every key may be left out. */
export type NeighboursConfigInput = z.input<typeof neighboursConfigSchema>;
