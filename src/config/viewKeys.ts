import { z } from 'zod';
import type { CrossCheck } from './crossCheck.js';

/** The most views of a picture, of all groups together. */
const MOST_VIEWS = 32;

const probability = (whatHappens: string, byDefault: number) =>
  z.number().min(0).max(1).default(byDefault).describe(`how often ${whatHappens}`);

const strength = (what: string, most: number, byDefault: number) =>
  z
    .number()
    .min(0)
    .max(most)
    .default(byDefault)
    .describe(`how much the jitter changes the ${what}`);

/** Two numbers between which one is drawn. */
const range = (most: number, [low, high]: [number, number]) =>
  z
    .array(z.number().gt(0).max(most))
    .length(2)
    .refine(([least = 0, largest = 0]) => least <= largest, 'two numbers in ascending order')
    .default([low, high]);

const viewGroup = z.strictObject({
  count: z.int().min(1).max(16).default(1).describe('views of each picture'),
  role: z
    .enum(['student', 'teacher', 'both'])
    .default('student')
    .describe('whether the query encoder sees them, the key encoder, or both'),
  size: z
    .union([z.literal('auto'), z.int().min(8).max(224)])
    .default('auto')
    .describe('height and width; auto takes imageSize'),
  cropScale: range(1, [0.08, 1]).describe("share of the picture's area that a crop takes"),
  interpolation: z
    .enum(['bilinear', 'bicubic'])
    .default('bilinear')
    .describe('how a crop is resized'),
  flip: probability('a view is mirrored', 0.5),
  jitter: probability('colours are jittered', 0.8),
  brightness: strength('brightness', 1, 0.4),
  contrast: strength('contrast', 1, 0.4),
  saturation: strength('saturation', 1, 0.4),
  hue: strength('hue, as a share of the colour circle', 0.5, 0.1),
  greyscale: probability('colours are taken away', 0.2),
  blur: probability('a view is blurred', 0),
  blurSigma: range(10, [0.1, 2]).describe("the blur's standard deviation, in pixels"),
  solarise: probability('bright values are inverted', 0),
});

type ViewGroup = z.output<typeof viewGroup>;

/** The keys of `train` that say which views of a picture a step trains on. */
export const viewKeys = {
  views: z
    .array(viewGroup)
    .min(1)
    .max(16)
    .prefault([{ role: 'student' }, { role: 'teacher' }])
    .describe('groups of views of each picture: how they are made, and which encoder sees them'),
  growFrom: z
    .number()
    .min(0.25)
    .max(1)
    .default(1)
    .describe('share of their size that views have in the first epoch'),
  growUntil: z
    .number()
    .gt(0)
    .max(1)
    .default(0.7)
    .describe('share of the epochs after which they have grown to their size'),
};

interface ViewsTogether {
  readonly views: readonly ViewGroup[];
  readonly imageSize: number | 'auto';
}

/** No view is larger than what the encoder is evaluated on. */
export const viewSizeCheck: CrossCheck<ViewsTogether> = {
  keys: ['views', 'imageSize'],
  problem: ({ views, imageSize }) => {
    if (imageSize === 'auto') return undefined;
    const index = views.findIndex(({ size }) => size !== 'auto' && size > imageSize);
    return index < 0
      ? undefined
      : `expected sizes of at most imageSize (${imageSize}), given ${views[index]?.size} in views[${index}]`;
  },
};

export const viewChecks: readonly CrossCheck<ViewsTogether>[] = [
  {
    keys: ['views'],
    problem: ({ views }) => {
      const count = numberOf(views);
      return count > MOST_VIEWS
        ? `expected at most ${MOST_VIEWS} views of a picture, given ${count}`
        : undefined;
    },
  },
  {
    keys: ['views'],
    problem: ({ views }) =>
      hasPair(views)
        ? undefined
        : 'expected a view for the student and another one for the teacher: give groups with both roles, or two views that are both',
  },
  viewSizeCheck,
];

function numberOf(views: readonly ViewGroup[]): number {
  return views.reduce((sum, { count }) => sum + count, 0);
}

/** Whether one view is the student's and another one the teacher's. */
function hasPair(views: readonly ViewGroup[]): boolean {
  const students = numberOf(views.filter(({ role }) => role !== 'teacher'));
  const teachers = numberOf(views.filter(({ role }) => role !== 'student'));
  return students > 0 && teachers > 0 && numberOf(views) > 1;
}
