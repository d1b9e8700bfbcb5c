import { z } from 'zod';
import type { CommandConfig } from './commandConfig.js';
import { type CrossCheck, checkTogether } from './crossCheck.js';
import { backboneKeys, type Width, widthCheck } from './headKeys.js';
import {
  arch,
  autoOr,
  computeKeys,
  cudaGraph,
  dataThreads,
  k,
  m,
  smallBatchSize,
} from './sharedKeys.js';

interface Bank {
  readonly k: number;
  readonly bank: number;
}

const bankCheck: CrossCheck<Bank> = {
  keys: ['k', 'bank'],
  problem: ({ k, bank }) => (k > bank ? `expected at most bank (${bank}), given ${k}` : undefined),
};

/** Everything that `moco bench` can be told. */
const benchConfigSchema = z
  .strictObject({
    arch: arch.describe('backbone of the encoder that is trained'),
    imageSize: z
      .int()
      .min(32)
      .max(224)
      .default(32)
      .describe(
        'height and width of what the encoder sees; pictures are stored a seventh larger above 32',
      ),
    stem: z
      .enum(['auto', 'cifar', 'cifar-pool', 'imagenet'])
      .default('auto')
      .describe(
        'first layers of the backbone: for small pictures, the same with a max-pool, or those of ImageNet models',
      ),
    width: backboneKeys.width,
    batchSize: smallBatchSize,
    m,
    precision: z
      .enum(['all', 'fp32', 'bf16'])
      .default('all')
      .describe('number format of the convolutions; all measures those that the device is fast at'),
    device: computeKeys.device,
    threads: computeKeys.threads,
    tf32: computeKeys.tf32,
    deterministic: computeKeys.deterministic,
    cudaGraph,
    dataThreads,
    rounds: z
      .int()
      .min(1)
      .max(1000)
      .default(3)
      .describe('how often everything is measured, in turn, after a round of warm-up'),
    seconds: z
      .number()
      .min(0)
      .max(3600)
      .default(0.5)
      .describe('how long a measurement goes on in each round, at least'),
    bank: z.int().min(1).max(10_000_000).default(50_000).describe('kNN: features that vote'),
    queries: z.int().min(1).max(1_000_000).default(10_000).describe('kNN: features to classify'),
    k,
    matrix: autoOr(32_768)
      .default('auto')
      .describe('side of the square matrices whose product is the measure of the device'),
  })
  .superRefine(checkTogether<Bank & Width>([bankCheck, widthCheck]));

export const benchCommand = {
  name: 'bench',
  schema: benchConfigSchema,
  otherFlags: ['--profile'],
} as const satisfies CommandConfig;

/** A complete configuration of `bench`: every default filled in. */
export type BenchConfig = z.output<typeof benchConfigSchema>;

/** What a program passes: every key may be left out. */
export type BenchConfigInput = z.input<typeof benchConfigSchema>;
