import { z } from 'zod';
import type { CommandConfig } from './commandConfig.js';
import { type CrossCheck, checkTogether } from './crossCheck.js';
import {
  type DataLimits,
  limitChecks,
  neighboursCheck,
  ownPicturesCheck,
  type PictureCheck,
  tooMany,
  validationCheck,
} from './dataChecks.js';
import { duration } from './duration.js';
import {
  backboneKeys,
  type EncoderSettings,
  encoderChecks,
  headKeys,
  predictorKeys,
} from './headKeys.js';
import { type LossSettings, lossChecks, lossKeys } from './lossKeys.js';
import { BEST_WITHOUT_LABELS, MEASURE_NAMES } from './measures.js';
import { type OptimiserSettings, optimiserChecks, optimiserKeys } from './optimiserKeys.js';
import { RECIPE_NAMES, recipe } from './recipes.js';
import {
  arch,
  autoOr,
  batchSizeOrAuto,
  computeKeys,
  cudaGraph,
  dataKeys,
  dataThreads,
  epochs,
  k,
  m,
  out,
  path,
  type STEMS,
  stem,
  temperature,
  validation,
} from './sharedKeys.js';
import { viewChecks, viewKeys } from './viewKeys.js';

/** Bytes that the queue (m × featureDim floats) may take: 64 GiB. */
const MAX_QUEUE_BYTES = 2 ** 36;

interface PicturesNeeded extends DataLimits {
  readonly batchSize: number | 'auto';
  readonly accumulate: number;
  readonly k: number;
  readonly labels: string;
}

interface CheckedTogether extends PicturesNeeded, OptimiserSettings, EncoderSettings, LossSettings {
  readonly batchNormGroups: number;
  readonly m: number;
  readonly imageSize: number | 'auto';
  readonly views: TrainSettings['views'];
}

/** There are as many pictures as the run needs. */
export const trainPictureChecks: readonly PictureCheck<PicturesNeeded>[] = [
  ...limitChecks,
  validationCheck,
  {
    keys: ['batchSize', 'accumulate', 'trainLimit', 'validation', 'dataset'],
    problem: ({ batchSize, accumulate, ...limits }, size) =>
      batchSize === 'auto' ? undefined : tooMany(batchSize * accumulate, limits, size),
  },
  neighboursCheck,
];

const crossChecks: readonly CrossCheck<CheckedTogether>[] = [
  ...trainPictureChecks,
  ownPicturesCheck,
  ...lossChecks,
  {
    keys: ['batchNormGroups', 'batchSize'],
    problem: ({ batchNormGroups, batchSize }) =>
      batchSize !== 'auto' && (batchSize % batchNormGroups !== 0 || batchSize / batchNormGroups < 2)
        ? `expected a number that divides batchSize (${batchSize}) into groups of at least 2 pictures, given ${batchNormGroups}`
        : undefined,
  },
  {
    keys: ['m', 'featureDim'],
    problem: ({ m, featureDim }) =>
      m * featureDim * 4 > MAX_QUEUE_BYTES
        ? `expected a queue of at most 64 GiB, given m ${m} × featureDim ${featureDim} × 4 bytes`
        : undefined,
  },
  ...encoderChecks,
  ...optimiserChecks,
  ...viewChecks,
];

/**
 * Everything that `moco train` can be told. Keys and defaults are the reference's where it has
 * them (in camelCase: its `feature_dim` is `featureDim`).
 */
const trainConfigSchema = z
  .strictObject({
    recipe: z
      .enum(['auto', ...RECIPE_NAMES])
      .optional()
      .meta({
        description:
          'settings that take the place of the defaults (`moco recipes` lists them); auto chooses by device, pictures and budget',
        examples: ['cpu'],
      }),
    ...dataKeys,
    validation: validation.describe(
      'training pictures held out to choose the best model by, instead of the test pictures',
    ),
    arch: arch.describe('backbone of the encoder'),
    stem: stem.describe(
      "the backbone's first layers: for small pictures (3×3; cifar-pool: with a max-pool), or those of ImageNet models (7×7, max-pool); auto takes cifar up to imageSize 64",
    ),
    ...backboneKeys,
    initWeights: path('file')
      .optional()
      .meta({
        description:
          "model whose backbone the run starts from: moco's, torchvision's, timm's or another's",
        examples: ['resnet50.pth'],
      }),
    initPrefix: z
      .string()
      .optional()
      .meta({
        title: 'text',
        description:
          'where that model is in its file, if there are several: how the names of its tensors begin',
        examples: ['module.encoder_q'],
      }),
    featureDim: z
      .int()
      .min(1)
      .max(65_536)
      .default(128)
      .describe("length of the projection head's output, which the loss compares"),
    ...headKeys,
    ...predictorKeys,
    m,
    temperature: temperature
      .default(0.5)
      .describe('divides the similarities that the loss compares'),
    momentum: z
      .number()
      .min(0)
      .max(1)
      .default(0.999)
      .describe("share of the key encoder's own parameters that a momentum update keeps"),
    ...lossKeys,
    k,
    knnTemperature: z
      .union([z.literal('auto'), temperature])
      .default('auto')
      .describe(
        'divides the similarities in the kNN vote; auto takes temperature, as the reference',
      ),
    batchSize: batchSizeOrAuto,
    shuffleWindow: z
      .int()
      .min(0)
      .max(2_147_483_648)
      .default(0)
      .describe(
        'pictures of a packed file that are shuffled among themselves, for disks that are slow at reading here and there; 0 shuffles all',
      ),
    batchNormGroups: z
      .int()
      .min(1)
      .max(32_768)
      .default(1)
      .describe('equal parts of a batch that BatchNorm normalises on their own; must divide it'),
    ...viewKeys,
    epochs: epochs.default(500),
    steps: z
      .int()
      .min(1)
      .max(1_000_000_000)
      .optional()
      .meta({
        description: 'steps of the whole run, in place of epochs; the last epoch may be cut',
        examples: [10_000],
      }),
    budget: duration.optional().meta({
      description:
        'time for the whole run, in place of epochs: its speed is measured first, and steps set so that it ends in time',
      examples: ['8h'],
    }),
    ...optimiserKeys,
    evalEvery: autoOr(1_000_000)
      .default('auto')
      .describe(
        'epochs between two evaluations; the last epoch always has one; auto takes 1, and within a budget as many as leave evaluations a twentieth of it',
      ),
    evalUntrained: z
      .boolean()
      .default(false)
      .describe('the untrained encoder is evaluated first, as epoch 0'),
    bestBy: z
      .enum(['auto', 'knn', ...MEASURE_NAMES])
      .default('auto')
      .describe(
        `what the best model is chosen by; auto takes knn where there are labels, else ${BEST_WITHOUT_LABELS}`,
      ),
    checkpointEvery: z
      .int()
      .min(1)
      .max(1_000_000)
      .default(1)
      .describe('epochs between two checkpoints'),
    checkpointMinutes: z
      .number()
      .min(0)
      .max(10_000)
      .default(10)
      .describe('minutes after which a checkpoint is also written inside an epoch; 0 never'),
    ...computeKeys,
    cudaGraph,
    dataThreads,
    out,
  })
  .superRefine(checkTogether(crossChecks));

export const trainCommand = {
  name: 'train',
  schema: trainConfigSchema,
  otherFlags: ['--resume', '--override'],
  alternatives: ['epochs', 'steps', 'budget'],
  preset: {
    key: 'recipe',
    settings: (name) => (RECIPE_NAMES.includes(name) ? recipe(name).settings : undefined),
  },
} as const satisfies CommandConfig;

/** What a user settles: every default filled in. */
export type TrainSettings = z.output<typeof trainConfigSchema>;

/** A complete configuration of `train`, with what `auto` stands for in this run. */
export type TrainConfig = TrainSettings & {
  readonly batchSize: number;
  readonly imageSize: number;
  readonly stem: Stem;
  readonly knnTemperature: number;
  readonly evalEvery: number;
};

/** The layers before a ResNet's stages. */
export type Stem = (typeof STEMS)[number];

/** What a program passes: every key may be left out. */
export type TrainConfigInput = z.input<typeof trainConfigSchema>;
