import { z } from 'zod';
import type { CrossCheck } from './crossCheck.js';
import { learningRate, weightDecay } from './sharedKeys.js';

const share = z.number().min(0).max(1);

/** Below 1, where nothing would ever be forgotten. */
const decay = z.number().min(0).max(0.999999);

/** How parameters are updated by a gradient, and how the learning rate changes over a run. */
export const optimiserKeys = {
  optimiser: z
    .enum(['adam', 'adamw', 'sgd', 'lars'])
    .default('adam')
    .describe('what updates the parameters'),
  learningRate: learningRate
    .default(1e-3)
    .describe('learning rate; the highest, where it changes over the run'),
  scaleLearningRate: z
    .enum(['none', 'linear', 'sqrt'])
    .default('none')
    .describe('multiplies learningRate by the pictures of a step / 256, or by the root of that'),
  weightDecay: weightDecay.describe('L2 weight decay; with adamw apart from the gradient'),
  decayNormAndBias: z
    .boolean()
    .default(true)
    .describe("weight decay, and with lars rates of their own, also for BatchNorm's and biases"),
  optimiserMomentum: decay.default(0.9).describe('momentum of sgd and lars'),
  nesterov: z.boolean().default(false).describe("Nesterov's form of that momentum"),
  beta1: decay.default(0.9).describe("decay of adam's and adamw's mean of gradients"),
  beta2: decay.default(0.999).describe('decay of their mean of squared gradients'),
  trustCoefficient: z
    .number()
    .gt(0)
    .max(100)
    .default(0.001)
    .describe("lars: a layer's rate by the ratio of its weights' norm to its gradient's"),
  trustClip: z
    .boolean()
    .default(false)
    .describe("lars: no layer's rate is above the learning rate"),
  gradientClip: z
    .number()
    .min(0)
    .max(1_000_000)
    .default(0)
    .describe('largest L2 norm of the gradient, which is scaled down to it; 0: any'),
  schedule: z
    .enum(['constant', 'step', 'cosine', 'one-cycle'])
    .default('constant')
    .describe('how the learning rate changes, step by step, over the run'),
  warmupEpochs: z
    .number()
    .min(0)
    .max(1_000_000)
    .default(0)
    .describe('epochs, or parts of one, in which the learning rate rises from 0 before that'),
  stepEpochs: z
    .array(z.number().gt(0).max(1_000_000))
    .min(0)
    .max(64)
    .default([])
    .describe('schedule step: epochs after which the learning rate is multiplied by stepFactor'),
  stepFactor: z.number().gt(0).max(1).default(0.1).describe('schedule step: that factor'),
  finalLearningRate: share
    .default(0)
    .describe('cosine, one-cycle: the learning rate at the end, as a share of the highest'),
  cyclePeak: share
    .default(0.3)
    .describe('one-cycle: share of the steps after which the learning rate is highest'),
};

/** What the checks look at. */
export interface OptimiserSettings {
  readonly optimiser: string;
  readonly nesterov: boolean;
  readonly optimiserMomentum: number;
  readonly schedule: string;
  readonly warmupEpochs: number;
  readonly stepEpochs: readonly number[];
  readonly epochs: number;
}

/** What must fit together among the keys of the optimiser. */
export const optimiserChecks: readonly CrossCheck<OptimiserSettings>[] = [
  {
    keys: ['nesterov', 'optimiser', 'optimiserMomentum'],
    problem: ({ nesterov, optimiser, optimiserMomentum }) => {
      if (!nesterov) return undefined;
      if (optimiser !== 'sgd' && optimiser !== 'lars')
        return `expected false with optimiser ${optimiser}: it is a form of sgd's and lars's momentum`;
      return optimiserMomentum === 0 ? 'expected false with optimiserMomentum 0' : undefined;
    },
  },
  {
    keys: ['stepEpochs', 'schedule'],
    problem: ({ stepEpochs, schedule }) =>
      schedule === 'step' && stepEpochs.length === 0
        ? 'expected at least one epoch with schedule step, given none'
        : undefined,
  },
  {
    keys: ['warmupEpochs', 'schedule'],
    problem: ({ warmupEpochs, schedule }) =>
      schedule === 'one-cycle' && warmupEpochs > 0
        ? `expected 0 with schedule one-cycle, which has a warm-up of its own, given ${warmupEpochs}`
        : undefined,
  },
  {
    keys: ['warmupEpochs', 'epochs'],
    problem: ({ warmupEpochs, epochs }) =>
      warmupEpochs > epochs
        ? `expected at most the run's ${epochs} epochs, given ${warmupEpochs}`
        : undefined,
  },
];

/** What may depend on how long the run is. */
export interface LengthSettings {
  readonly schedule: string;
  readonly momentumSchedule: string;
  readonly growFrom: number;
}

/** Whether what a step computes depends on how long the run is. */
export function dependsOnLength({ schedule, momentumSchedule, growFrom }: LengthSettings): boolean {
  const rises = schedule === 'cosine' || schedule === 'one-cycle';
  return rises || momentumSchedule === 'cosine' || growFrom < 1;
}
