import type { TrainConfig } from '../config/trainConfig.js';
import type { TrainerDescription } from './events.js';
import { totalSteps } from './runLength.js';

/** What is known of a run before it starts. */
type Run = TrainConfig & {
  readonly stepsPerEpoch: number;
  readonly trainPictures: number;
  /** How many the whole run has. */
  readonly steps: number;
};

/** A run of fewer steps than this tries a program or a machine out, and trains nothing. */
const FEWEST_STEPS = 100;

/** How long the learning rate may rise, as a share of all steps. */
const WARMUP_SHARE = 0.25;

/** How long the key encoder may lag behind, as a share of all steps. */
const LAG_SHARE = 0.02;

/**
 * Below it a faster momentum is no better: He et al. (CVPR 2020, table in section 4.1) lose 1.2
 * points from 0.999 to 0.99, and 3.8 to 0.9.
 */
const FASTEST_MOMENTUM = 0.99;

/** Below it BatchNorm's statistics are too noisy (Wu & He, "Group Normalization", ECCV 2018, table 2). */
const FEWEST_PICTURES = 16;

/**
 * What of a run's settings is known to do harm: one line each, with the reason and what to do.
 * Nothing is said that is only unusual.
 */
export function recipeAdvice(
  config: TrainConfig,
  { stepsPerEpoch, dataset }: Pick<TrainerDescription, 'stepsPerEpoch' | 'dataset'>,
): string[] {
  const { trainPictures } = dataset;
  const steps = totalSteps(config, stepsPerEpoch);
  const run = { ...config, trainPictures, stepsPerEpoch, steps };
  const advices = [queueAdvice, momentumAdvice, batchAdvice, warmupAdvice];
  return advices.flatMap((advice) => advice(run) ?? []);
}

/** The queue holds every picture more than once. */
function queueAdvice({ m, trainPictures, negatives, maskSame }: Run): string | undefined {
  if (m <= trainPictures || negatives === 'batch' || maskSame) return undefined;
  return `m: the queue of ${m} keys is longer than the ${trainPictures} training pictures are many, so that every query is pushed away from older keys of its own picture; take a shorter one, or leave those out with maskSame (official MoCo takes 4096 for the 50000 of CIFAR-10)`;
}

/** The key encoder averages the query encoder's parameters over about 1 / (1 − momentum) steps. */
function momentumAdvice({ momentum, steps, keyEncoder }: Run): string | undefined {
  if (keyEncoder === 'shared') return undefined;
  const lag = 1 / (1 - momentum);
  if (momentum <= FASTEST_MOMENTUM || steps < FEWEST_STEPS || lag <= LAG_SHARE * steps) {
    return undefined;
  }
  const better = Math.max(FASTEST_MOMENTUM, floored(1 - 1 / (LAG_SHARE * steps)));
  const lags = Number.isFinite(lag)
    ? `lags about ${Math.round(lag)} steps behind, more than ${100 * LAG_SHARE} % of the run's ${steps}`
    : 'stays as it was at the start';
  return `momentum: with ${momentum}, the key encoder ${lags}; ${better} suits a run of this length`;
}

/** BatchNorm normalises with the mean and variance of too few pictures. */
function batchAdvice({ batchSize, batchNormGroups }: Run): string | undefined {
  const pictures = batchSize / batchNormGroups;
  if (pictures >= FEWEST_PICTURES) return undefined;
  const what = batchNormGroups > 1 ? 'batchNormGroups' : 'batchSize';
  return `${what}: BatchNorm has ${pictures} pictures to normalise by, and is the less exact the fewer they are: a ResNet-50's error on ImageNet rises from 23.7 % with 16 to 24.8 % with 8 and 34.7 % with 2 (Wu & He 2018); give it at least ${FEWEST_PICTURES}`;
}

/** A run that was shortened may never reach its learning rate. */
function warmupAdvice({ warmupEpochs, stepsPerEpoch, steps }: Run): string | undefined {
  const warmup = warmupEpochs * stepsPerEpoch;
  if (steps < FEWEST_STEPS || warmup <= WARMUP_SHARE * steps) return undefined;
  return `warmupEpochs: the learning rate rises over ${Math.round(warmup)} of the run's ${steps} steps; give it fewer, or the run more`;
}

/** To three decimals. */
function floored(value: number): number {
  return Math.floor(1000 * value) / 1000;
}
