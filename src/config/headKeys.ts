import { z } from 'zod';
import type { CrossCheck } from './crossCheck.js';

const layers = z.int().min(0).max(3);
const hiddenDim = z.int().min(1).max(65_536).default(512);
const lastBatchNorm = z.enum(['none', 'affine', 'plain']).default('none');

/** What can be chosen of a backbone beside its depth and its first layers. */
export const backboneKeys = {
  width: z
    .number()
    .min(0.25)
    .max(4)
    .default(1)
    .describe("factor of the backbone's numbers of channels, a multiple of 0.25"),
  zeroInit: z
    .boolean()
    .default(false)
    .describe("the last BatchNorm's weight of every residual block starts at 0"),
};

/** The layers of the projection head. */
export const headKeys = {
  headLayers: layers
    .default(2)
    .describe('linear layers of the projection head; 0: the projection is the feature'),
  headHiddenDim: hiddenDim.describe('length of what all but the last of them give'),
  headBatchNorm: z
    .boolean()
    .default(true)
    .describe('BatchNorm after each of those, which then has no bias'),
  headLastBatchNorm: lastBatchNorm.describe(
    'BatchNorm after the last one, which then has no bias; plain: without weight and bias',
  ),
};

/** The layers of the predictor, which queries go through and keys do not. */
export const predictorKeys = {
  predictorLayers: layers
    .default(0)
    .describe("linear layers of the predictor, as BYOL's and MoCo v3's; 0: there is none"),
  predictorHiddenDim: hiddenDim.describe('length of what all but the last of them give'),
  predictorBatchNorm: z
    .boolean()
    .default(true)
    .describe('BatchNorm after each of those, which then has no bias'),
  predictorLastBatchNorm: lastBatchNorm.describe(
    "BatchNorm after the predictor's last layer, which then has no bias; plain: without weight and bias",
  ),
};

/** What the checks look at. */
export interface EncoderSettings {
  readonly arch: string;
  readonly width: number;
  readonly featureDim: number;
  readonly headLayers: number;
  readonly headLastBatchNorm: string;
  readonly predictorLayers: number;
  readonly predictorLastBatchNorm: string;
}

export type Width = Pick<EncoderSettings, 'width'>;

/** Which factors give whole numbers of channels that kernels like. */
export const widthCheck: CrossCheck<Width> = {
  keys: ['width'],
  problem: ({ width }) =>
    Number.isInteger(4 * width) ? undefined : `expected a multiple of 0.25, given ${width}`,
};

/** What must fit together among the keys of an encoder. */
export const encoderChecks: readonly CrossCheck<EncoderSettings>[] = [
  widthCheck,
  {
    keys: ['featureDim', 'headLayers', 'arch', 'width'],
    problem: ({ featureDim, headLayers, arch, width }) => {
      const length = featureLength(arch, width);
      return headLayers > 0 || featureDim === length
        ? undefined
        : `expected ${length}, the length of a feature, with headLayers 0, given ${featureDim}`;
    },
  },
  {
    keys: ['headLastBatchNorm', 'headLayers'],
    problem: ({ headLastBatchNorm, headLayers }) =>
      headLayers === 0 && headLastBatchNorm !== 'none'
        ? `expected none with headLayers 0, given "${headLastBatchNorm}"`
        : undefined,
  },
  {
    keys: ['predictorLastBatchNorm', 'predictorLayers'],
    problem: ({ predictorLastBatchNorm, predictorLayers }) =>
      predictorLayers === 0 && predictorLastBatchNorm !== 'none'
        ? `expected none with predictorLayers 0, given "${predictorLastBatchNorm}"`
        : undefined,
  },
];

/** Length of what a backbone gives. */
function featureLength(arch: string, width: number): number {
  const isBottleneck = arch !== 'resnet18' && arch !== 'resnet34';
  return (isBottleneck ? 2048 : 512) * width;
}
