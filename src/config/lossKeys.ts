import { z } from 'zod';
import type { CrossCheck } from './crossCheck.js';
import { temperature } from './sharedKeys.js';

/** What keys are told apart from, and how: the loss, its negatives and the encoder of the keys. */
export const lossKeys = {
  loss: z
    .enum(['info-nce', 'dcl', 'dclw', 'sce', 'ressl', 'nnclr', 'cosine'])
    .default('info-nce')
    .describe(
      "how queries and keys are compared; cosine is BYOL's, without negatives; nnclr takes the key's nearest in the queue",
    ),
  lossScale: z
    .enum(['none', '2T'])
    .default('none')
    .describe('2T multiplies the loss by twice the temperature, as MoCo v3 does'),
  negatives: z
    .enum(['queue', 'batch', 'both'])
    .default('queue')
    .describe('what queries are to be unlike: the keys in the queue, those of the batch, or both'),
  maskSame: z
    .boolean()
    .default(false)
    .describe("earlier keys of a query's own picture, in the queue, are no negatives"),
  teacherTemperature: temperature
    .default(0.05)
    .describe("sce, ressl: divides the keys' similarities to the negatives"),
  targetShare: z
    .number()
    .min(0)
    .max(1)
    .default(0.5)
    .describe("sce: the own key's share of the target; the key's neighbours have the rest"),
  weightSigma: z
    .number()
    .min(0.01)
    .max(100)
    .default(0.5)
    .describe('dclw: the smaller, the more do positives count that are far from each other'),
  keyEncoder: z
    .enum(['momentum', 'shared'])
    .default('momentum')
    .describe(
      'where keys come from: a momentum encoder, or the query encoder itself, as in SimCLR',
    ),
  momentumUpdate: z
    .enum(['after', 'before'])
    .default('after')
    .describe('when the key encoder follows: after a step, or before its keys are encoded'),
  momentumSchedule: z
    .enum(['constant', 'cosine'])
    .default('constant')
    .describe('cosine raises the momentum to 1 over the run, as BYOL does'),
  keyStatistics: z
    .enum(['own', 'copied', 'averaged'])
    .default('own')
    .describe(
      "the key encoder's running BatchNorm statistics: its own, the query encoder's, or averaged like its parameters",
    ),
  accumulate: z
    .int()
    .min(1)
    .max(4096)
    .default(1)
    .describe('batches whose gradients make one step; keys enter the queue after it'),
};

export interface LossSettings {
  readonly loss: string;
  readonly negatives: string;
  readonly maskSame: boolean;
  readonly keyEncoder: string;
  readonly predictorLayers: number;
}

/** Which of these keys go together. */
export const lossChecks: readonly CrossCheck<LossSettings>[] = [
  {
    keys: ['loss', 'predictorLayers'],
    problem: ({ loss, predictorLayers }) =>
      loss === 'cosine' && predictorLayers === 0
        ? 'expected a predictor with the loss cosine (predictorLayers 2), without which all pictures become alike'
        : undefined,
  },
  {
    keys: ['negatives', 'loss'],
    problem: ({ negatives, loss }) =>
      loss === 'nnclr' && negatives !== 'batch'
        ? `expected batch with the loss nnclr, which tells the batch's pictures apart, given ${negatives}`
        : undefined,
  },
  {
    keys: ['negatives', 'keyEncoder', 'loss'],
    problem: ({ negatives, keyEncoder, loss }) =>
      keyEncoder === 'shared' && loss !== 'cosine' && loss !== 'nnclr' && negatives !== 'batch'
        ? `expected batch with the keyEncoder shared, whose earlier keys are not like its present ones, given ${negatives}`
        : undefined,
  },
  {
    keys: ['maskSame', 'negatives', 'loss'],
    problem: ({ maskSame, negatives, loss }) =>
      maskSame && (negatives === 'batch' || loss === 'cosine')
        ? 'expected false where the queue gives no negatives, given true'
        : undefined,
  },
];
