import { z } from 'zod';
import type { CommandConfig } from './commandConfig.js';
import { checkTogether } from './crossCheck.js';
import { limitChecks, neighboursCheck, ownPicturesCheck } from './dataChecks.js';
import { computeKeys, dataKeys, k, modelKeys, temperature } from './sharedKeys.js';

/** There are as many pictures as the measurement needs. */
export const knnPictureChecks = [...limitChecks, neighboursCheck] as const;

/** Everything that `moco knn` can be told. */
const knnConfigSchema = z
  .strictObject({
    ...modelKeys,
    ...dataKeys,
    k,
    temperature: z
      .array(temperature)
      .min(1)
      .max(16)
      .default([0.5, 0.1])
      .describe('divides the similarities in the vote; each is measured, in one pass'),
    ...computeKeys,
  })
  .superRefine(checkTogether([...knnPictureChecks, ownPicturesCheck]));

export const knnCommand = { name: 'knn', schema: knnConfigSchema } as const satisfies CommandConfig;

/** A complete configuration of `knn`: every default filled in. */
export type KnnConfig = z.output<typeof knnConfigSchema>;

/** What a program passes: every key may be left out. */
export type KnnConfigInput = z.input<typeof knnConfigSchema>;
