import { z } from 'zod';
import type { CommandConfig } from './commandConfig.js';
import { checkTogether } from './crossCheck.js';
import { limitChecks, ownPicturesCheck, validationCheck } from './dataChecks.js';
import {
  batchSize,
  computeKeys,
  dataKeys,
  dataThreads,
  epochs,
  learningRate,
  modelKeys,
  out,
  validation,
  weightDecay,
} from './sharedKeys.js';

/** There are as many pictures as the evaluation needs. */
export const linearPictureChecks = [...limitChecks, validationCheck] as const;

/**
 * Everything that `moco linear` can be told. Keys and defaults are the reference's where it has
 * them.
 */
const linearConfigSchema = z
  .strictObject({
    ...modelKeys,
    ...dataKeys,
    validation: validation.describe(
      'training pictures held out to choose by, instead of the test pictures; with cached, 0 is a tenth',
    ),
    batchSize,
    epochs: epochs.default(100),
    learningRate: learningRate.default(1e-3).describe('learning rate of Adam'),
    weightDecay: weightDecay.describe('L2 weight decay of Adam, on the classifier'),
    frozenBn: z
      .boolean()
      .default(false)
      .describe(
        "BatchNorm uses the model's statistics, instead of the batch's as in the reference",
      ),
    cached: z
      .boolean()
      .default(false)
      .describe(
        "train on features that are computed once: to monitor, not the reference's protocol",
      ),
    learningRates: z
      .array(learningRate)
      .min(1)
      .max(32)
      .default([1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1])
      .describe('learning rates that cached tries'),
    ...computeKeys,
    dataThreads,
    out,
  })
  .superRefine(checkTogether([...linearPictureChecks, ownPicturesCheck]));

export const linearCommand = {
  name: 'linear',
  schema: linearConfigSchema,
} as const satisfies CommandConfig;

/** A complete configuration of `linear`: every default filled in. */
export type LinearConfig = z.output<typeof linearConfigSchema>;

/** What a program passes: every key may be left out. */
export type LinearConfigInput = z.input<typeof linearConfigSchema>;
