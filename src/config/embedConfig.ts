import { extname } from 'node:path';
import { z } from 'zod';
import type { CommandConfig } from './commandConfig.js';
import { type CrossCheck, checkTogether } from './crossCheck.js';
import { ownPicturesCheck } from './dataChecks.js';
import { computeKeys, dataKeys, modelKeys, path } from './sharedKeys.js';

const FORMATS = ['safetensors', 'npy', 'csv', 'parquet'] as const;

/** How the features of a run are written. */
export type EmbedFormat = (typeof FORMATS)[number];

interface Named {
  readonly out: string;
  readonly format: 'auto' | EmbedFormat;
}

/** The format that is asked for, or that which the file's ending names. */
export function embedFormat({ out, format }: Named): EmbedFormat | undefined {
  if (format !== 'auto') return format;
  return FORMATS.find((name) => extname(out).toLowerCase() === `.${name}`);
}

const formatCheck: CrossCheck<Named> = {
  keys: ['out', 'format'],
  problem: (config) =>
    embedFormat(config) === undefined
      ? `expected a name that ends in ${FORMATS.map((name) => `.${name}`).join(', ')}, or a format beside it, given ${config.out}`
      : undefined,
};

/** Everything that `moco embed` can be told. */
const embedConfigSchema = z
  .strictObject({
    ...modelKeys,
    modelPath: modelKeys.modelPath.describe('model that computes features: .pth or .safetensors'),
    data: dataKeys.data.describe(
      'your own pictures: folders, which are read as they are, or one packed file, in place of dataset',
    ),
    labels: dataKeys.labels,
    subset: z
      .enum(['all', 'train', 'validation', 'test'])
      .default('all')
      .describe(
        'which pictures: all, or one split; those of folders are train/, val/ and test/ in them',
      ),
    strict: z
      .boolean()
      .default(false)
      .describe('the first file of your own that cannot be read is an error, and not left out'),
    imageSize: dataKeys.imageSize.describe(
      'height and width of what the model sees; auto: as its file says, else as packed pictures and data sets do',
    ),
    mean: dataKeys.mean.describe(
      'what is subtracted from R, G and B (0…1), where the same say nothing',
    ),
    std: dataKeys.std.describe('what R, G and B are divided by then'),
    dataset: dataKeys.dataset,
    dataRoot: dataKeys.dataRoot,
    out: path('file')
      .default('features.safetensors')
      .describe('file to write; its ending tells the format'),
    format: z
      .enum(['auto', ...FORMATS])
      .default('auto')
      .describe('safetensors is what moco itself reads; npy has its names in a .csv beside it'),
    output: z
      .enum(['features', 'projection'])
      .default('features')
      .describe('what the backbone gives, or what the projection head makes of it'),
    normalize: z.boolean().default(false).describe('each feature is divided by its length'),
    dtype: z
      .enum(['fp32', 'fp16'])
      .default('fp32')
      .describe('number format of the features that are written'),
    force: z.boolean().default(false).describe('a file that is there is replaced'),
    device: computeKeys.device,
    precision: computeKeys.precision,
    tf32: computeKeys.tf32,
    threads: computeKeys.threads,
  })
  .superRefine(checkTogether<Named & EmbedData>([formatCheck, ownPicturesCheck]));

type EmbedData = Parameters<typeof ownPicturesCheck.problem>[0];

export const embedCommand = {
  name: 'embed',
  schema: embedConfigSchema,
} as const satisfies CommandConfig;

/** A complete configuration of `embed`: every default filled in. */
export type EmbedConfig = z.output<typeof embedConfigSchema>;

/** What a program passes: every key may be left out. */
export type EmbedConfigInput = z.input<typeof embedConfigSchema>;
