import { z } from 'zod';
import { DATASET_NAMES } from '../data/dataset.js';

/** Below it a vote's weight in kNN, exp(similarity / temperature), is too large for fp32. */
const MIN_TEMPERATURE = 0.02;

/** A path; `title` stands for it in `--help`. */
export const path = (title: 'file' | 'folder') =>
  z
    .string()
    .min(1)
    .refine((text) => !text.includes('\0'))
    .meta({ title });

export const temperature = z.number().min(MIN_TEMPERATURE).max(100);

const oneBatch = z.int().min(2).max(65_536);

export const batchSize = oneBatch.default(256).describe('pictures in one training step');

export const batchSizeOrAuto = z
  .union([z.literal('auto'), oneBatch])
  .default(256)
  .describe(
    'pictures in one training step; auto takes the largest power of two that fits in memory',
  );

export const cudaGraph = z
  .boolean()
  .default(true)
  .describe('on a GPU, training steps and extraction are recorded and replayed in one piece');

/** The batch size of commands that should answer quickly on any machine. */
export const smallBatchSize = oneBatch.default(64).describe('pictures in one training step');

export const m = z
  .int()
  .min(1)
  .max(4_194_304)
  .default(4096)
  .describe('number of negatives: the length of the queue of keys');

export const epochs = z.int().min(1).max(1_000_000).describe('passes over the training pictures');

export const learningRate = z.number().gt(0).max(100);

export const weightDecay = z.number().min(0).max(1).default(1e-6);

export const arch = z.enum(['resnet18', 'resnet34', 'resnet50']).default('resnet50');

/** Keys that say which model is measured. */
export const modelKeys = {
  modelPath: path('file')
    .default('results/128_4096_0.5_0.999_200_256_500_model.pth')
    .describe('model to measure: .pth or .safetensors'),
  prefix: z
    .string()
    .optional()
    .meta({
      title: 'text',
      description:
        'where the model is in its file, if there are several: how the names of its tensors begin',
      examples: ['module.encoder_q'],
    }),
  arch: arch.describe('backbone that the model has'),
  stem: z
    .enum(['cifar', 'imagenet'])
    .default('cifar')
    .describe('first layers of the backbone: for small pictures, or those of ImageNet models'),
};

export const autoOr = (maximum: number) =>
  z.union([z.literal('auto'), z.int().min(1).max(maximum)]);

/** Keys that say which pictures to use. */
export const dataKeys = {
  dataset: z
    .enum(DATASET_NAMES)
    .default('cifar10')
    .describe('pictures to use; cifar10 and cifar100 are downloaded once, shapes is made'),
  dataRoot: path('folder')
    .default('data')
    .describe(
      "folder that holds the data set's own folder: cifar-10-batches-bin or cifar-10-batches-py",
    ),
  trainLimit: z
    .int()
    .min(2)
    .max(1_000_000)
    .optional()
    .meta({
      description: 'use only the first n training pictures, for quick runs',
      examples: [5000],
    }),
  testLimit: z
    .int()
    .min(1)
    .max(1_000_000)
    .optional()
    .meta({
      description: 'use only the first n test pictures, for quick runs',
      examples: [1000],
    }),
};

export const validation = z.int().min(0).max(1_000_000).default(0);

export const k = z
  .int()
  .min(1)
  .max(1_000_000)
  .default(200)
  .describe('nearest training pictures that vote for the class of a test picture');

/** Keys that say where and how to compute. */
export const computeKeys = {
  seed: z
    .int()
    .min(0)
    .max(4_294_967_295)
    .default(0)
    .describe('start of everything random: the same seed gives the same run'),
  device: z
    .union([
      z.enum(['auto', 'cpu', 'cuda']),
      z
        .string()
        .regex(/^cuda:\d{1,3}$/)
        .meta({ title: 'cuda:n' }),
    ])
    .default('auto')
    .describe('where to compute; auto takes the first GPU that works, else the CPU'),
  precision: z
    .enum(['auto', 'fp32', 'bf16'])
    .default('auto')
    .describe('number format of the convolutions; auto takes bf16 where the device is fast at it'),
  tf32: z
    .boolean()
    .default(true)
    .describe('on a GPU, products and convolutions in fp32 round their factors to TF32'),
  deterministic: z
    .boolean()
    .default(false)
    .describe('on a GPU, two runs are the same bit for bit, and slower; on a CPU they always are'),
  threads: autoOr(1024).default('auto').describe('threads that compute on the CPU'),
};

export const dataThreads = autoOr(256)
  .default('auto')
  .describe('threads that make the views; the result does not depend on it');

export const out = path('folder')
  .default('results')
  .describe("folder for the run's files; made if missing");
