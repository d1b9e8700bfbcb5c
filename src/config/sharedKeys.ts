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

const ARCHS = ['resnet18', 'resnet34', 'resnet50', 'resnet101', 'resnet152'] as const;

/** The layers before a ResNet's stages. */
export const STEMS = ['cifar', 'cifar-pool', 'imagenet'] as const;

export const stem = z.enum(['auto', ...STEMS]).default('auto');

export const arch = z.enum(ARCHS).default('resnet50');

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
  arch: z
    .enum(['auto', ...ARCHS])
    .default('auto')
    .describe("the model's backbone; auto: as its file says"),
  stem: stem.describe("the backbone's first layers; auto: as the model's file says"),
};

export const autoOr = (maximum: number) =>
  z.union([z.literal('auto'), z.int().min(1).max(maximum)]);

/** One number for each of R, G and B. */
export const channels = z.array(z.number().min(0.001).max(1)).length(3).optional();

/** Keys that say which pictures to use, and in which size. */
export const dataKeys = {
  data: z
    .array(path('folder'))
    .min(0)
    .max(64)
    .default([])
    .describe('your own pictures: folders, or one packed file of them, in place of dataset'),
  labels: z
    .union([z.enum(['none', 'folders']), path('file')])
    .default('none')
    .describe(
      'classes of your own pictures: none, their folders, or a table (.csv, .jsonl) of file and label',
    ),
  split: z
    .enum(['auto', 'folders', 'fraction'])
    .default('auto')
    .describe(
      'test pictures of your own: those in test/ or val/ beside train/, or a fraction, by content; auto takes folders if there are any',
    ),
  testFraction: z
    .number()
    .gt(0)
    .max(0.9)
    .default(0.1)
    .describe(
      'share of your own pictures that is held out to measure on, with a split by fraction',
    ),
  splitSeed: z
    .int()
    .min(0)
    .max(4_294_967_295)
    .default(0)
    .describe('which of them are held out; no other seed decides that'),
  strict: z
    .boolean()
    .default(false)
    .describe('files of your own that cannot be read are an error, and not left out'),
  storedSize: z
    .union([z.literal('auto'), z.int().min(8).max(512)])
    .default('auto')
    .describe(
      'height and width to which your own pictures are packed; auto leaves a margin for crops: 72 for 64, 256 for 224',
    ),
  imageSize: z
    .union([z.literal('auto'), z.int().min(32).max(224)])
    .default('auto')
    .describe(
      "height and width of what the encoder sees; auto takes the model's, else the data set's own, and 64 for your own pictures",
    ),
  mean: channels.meta({
    description: "what is subtracted from R, G and B (0…1), in place of the data set's own mean",
    examples: [[0.485, 0.456, 0.406]],
  }),
  std: channels.meta({
    description: "what R, G and B are divided by then, in place of the data set's own deviation",
    examples: [[0.229, 0.224, 0.225]],
  }),
  dataset: z
    .enum(DATASET_NAMES)
    .default('cifar10')
    .describe(
      'pictures to use; cifar10, cifar100 and stl10 are downloaded once, shapes is made, tiny-imagenet must be there',
    ),
  dataRoot: path('folder')
    .default('data')
    .describe(
      "folder that holds the data set's own folder, such as cifar-10-batches-bin, and packed files",
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

/** Keys that say which features to search in. */
export const indexKeys = {
  index: path('file')
    .default('features.safetensors')
    .describe('features to search in, as `moco embed` writes them'),
  html: path('file')
    .optional()
    .meta({
      description: 'a page to write, on which the pictures can be seen',
      examples: ['neighbours.html'],
    }),
  pictures: path('folder')
    .optional()
    .meta({
      description: 'folder of the pictures that the features are of, for the page',
      examples: ['pictures'],
    }),
};

export const dataThreads = autoOr(256)
  .default('auto')
  .describe('threads that make the views; the result does not depend on it');

export const out = path('folder')
  .default('results')
  .describe("folder for the run's files; made if missing");
