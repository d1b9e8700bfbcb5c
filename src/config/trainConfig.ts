import { z } from 'zod';
import { DATASET_NAMES, type DatasetName } from '../data/dataset.js';
import { SPLIT_COUNTS } from '../data/splitCounts.js';

/** Below it, exp(similarity / temperature), a vote's weight in kNN, leaves the range of fp32. */
const MIN_TEMPERATURE = 0.02;

/** Bytes that the queue (m × featureDim floats) may take: 64 GiB. */
const MAX_QUEUE_BYTES = 2 ** 36;

const path = () =>
  z
    .string()
    .min(1)
    .refine((text) => !text.includes('\0'))
    .meta({ title: 'folder' });

const autoOr = (maximum: number) => z.union([z.literal('auto'), z.int().min(1).max(maximum)]);

/**
 * Everything that `moco train` can be told. Keys and defaults are the reference's where it has
 * them (in camelCase: its `feature_dim` is `featureDim`). Flags, `--help`, the JSON Schema, the
 * starting file and the types come from this object.
 */
export const trainConfigSchema = z
  .strictObject({
    dataset: z
      .enum(DATASET_NAMES)
      .default('cifar10')
      .describe('pictures to train on; cifar10 and cifar100 are downloaded once, shapes is made'),
    dataRoot: path()
      .default('data')
      .describe("folder that holds the data set's own folder, such as cifar-10-batches-bin"),
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
    arch: z
      .enum(['resnet18', 'resnet34', 'resnet50'])
      .default('resnet50')
      .describe('backbone of the encoder, with the stem for small pictures'),
    featureDim: z
      .int()
      .min(1)
      .max(65_536)
      .default(128)
      .describe("length of the projection head's output, which the loss compares"),
    m: z
      .int()
      .min(1)
      .max(4_194_304)
      .default(4096)
      .describe('number of negatives: the length of the queue of keys'),
    temperature: z
      .number()
      .min(MIN_TEMPERATURE)
      .max(100)
      .default(0.5)
      .describe('divides the similarities, in the loss and in the kNN vote'),
    momentum: z
      .number()
      .min(0)
      .max(1)
      .default(0.999)
      .describe("share of the key encoder's own parameters that a momentum update keeps"),
    k: z
      .int()
      .min(1)
      .max(1_000_000)
      .default(200)
      .describe('nearest training pictures that vote for the class of a test picture'),
    batchSize: z.int().min(2).max(65_536).default(256).describe('pictures in one training step'),
    epochs: z
      .int()
      .min(1)
      .max(1_000_000)
      .default(500)
      .describe('passes over the training pictures'),
    learningRate: z
      .number()
      .gt(0)
      .max(100)
      .default(1e-3)
      .describe('learning rate of Adam, the same at every step'),
    weightDecay: z
      .number()
      .min(0)
      .max(1)
      .default(1e-6)
      .describe('L2 weight decay of Adam, on all parameters'),
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
      .describe('where to train; auto takes the first GPU that works, else the CPU'),
    precision: z
      .enum(['auto', 'fp32', 'bf16'])
      .default('auto')
      .describe(
        'number format of the convolutions; auto takes bf16 where the device is fast at it',
      ),
    dataThreads: autoOr(256)
      .default('auto')
      .describe('threads that make the views; the result does not depend on it'),
    threads: autoOr(1024).default('auto').describe('threads that compute on the CPU'),
    out: path().default('results').describe("folder for the run's files; made if missing"),
  })
  .superRefine((config, context) => {
    for (const check of crossChecks) {
      const message = check.problem(config);
      if (message !== undefined) {
        const path = [check.keys[0]];
        context.addIssue({ code: 'custom', path, message, params: { keys: check.keys } });
      }
    }
  });

/** A complete configuration of `train`: every default filled in. */
export type TrainConfig = z.output<typeof trainConfigSchema>;

/** What a program passes: every key may be left out. */
export type TrainConfigInput = z.input<typeof trainConfigSchema>;

export type TrainConfigKey = keyof TrainConfig;

export const trainConfigKeys = Object.keys(trainConfigSchema.shape) as TrainConfigKey[];

interface CrossCheck {
  readonly keys: readonly [TrainConfigKey, ...TrainConfigKey[]];
  problem(config: CheckedTogether): string | undefined;
}

type CheckedTogether = Record<'batchSize' | 'k' | 'm' | 'featureDim', number> & {
  dataset: DatasetName;
  trainLimit?: number | undefined;
  testLimit?: number | undefined;
};

const crossChecks: readonly CrossCheck[] = [
  {
    keys: ['trainLimit', 'dataset'],
    problem: ({ dataset, trainLimit = 0 }) =>
      trainLimit > SPLIT_COUNTS[dataset].train
        ? `expected at most ${trainingPictures(dataset)}, given ${trainLimit}`
        : undefined,
  },
  {
    keys: ['testLimit', 'dataset'],
    problem: ({ dataset, testLimit = 0 }) => {
      const { test } = SPLIT_COUNTS[dataset];
      return testLimit > test
        ? `expected at most ${test}, the number of test pictures of ${dataset}, given ${testLimit}`
        : undefined;
    },
  },
  {
    keys: ['batchSize', 'trainLimit', 'dataset'],
    problem: (config) => tooMany(config.batchSize, config),
  },
  {
    keys: ['k', 'trainLimit', 'dataset'],
    problem: (config) => tooMany(config.k, config, ': the kNN bank holds the training pictures'),
  },
  {
    keys: ['m', 'featureDim'],
    problem: ({ m, featureDim }) =>
      m * featureDim * 4 > MAX_QUEUE_BYTES
        ? `expected a queue of at most 64 GiB, given m ${m} × featureDim ${featureDim} × 4 bytes`
        : undefined,
  },
];

/** What to say where `given` is more than the training pictures that a configuration leaves. */
function tooMany(
  given: number,
  { dataset, trainLimit = Number.POSITIVE_INFINITY }: CheckedTogether,
  reason = '',
): string | undefined {
  const { train } = SPLIT_COUNTS[dataset];
  if (given <= Math.min(trainLimit, train)) return undefined;
  const most = trainLimit < train ? `trainLimit (${trainLimit})` : trainingPictures(dataset);
  return `expected at most ${most}${reason}, given ${given}`;
}

function trainingPictures(dataset: DatasetName): string {
  return `${SPLIT_COUNTS[dataset].train}, the number of training pictures of ${dataset}`;
}
