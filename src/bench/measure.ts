import type { BenchConfig } from '../config/benchConfig.js';
import type { NativeBenchmark, NativeExtraction, NativeSteps } from '../native/benchmark.js';
import type { Precision } from './benchmarks.js';

/** What is measured, in words for the user. */
export type Measurement =
  | 'matrix product'
  | 'training step'
  | 'extraction'
  | 'augmentation'
  | 'kNN'
  | 'convolutions';

/** One round's numbers of one precision. */
export interface PrecisionRound {
  /** Floating-point operations per second in the matrix product. */
  readonly flops: number;
  /** Training steps, by phase. */
  readonly steps: NativeSteps;
  readonly extraction: NativeExtraction;
}

/** One round's numbers. */
export interface Round {
  /** In the order of the benchmarks. */
  readonly precisions: readonly PrecisionRound[];
  readonly secondsPerView: number;
  readonly knnSeconds: number;
}

/** Size of the kNN bank in the warm-up, where one of full size would only take long. */
const WARM_UP_BANK = 1000;

/** Tells what is measured next, and does it. */
export type Measure = <Result>(
  measurement: Measurement,
  native: NativeBenchmark,
  job: () => Promise<Result>,
  precision?: Precision,
) => Promise<Result>;

/** A round whose numbers do not count, but for the times of what happens first in a process. */
export async function warmUp(
  natives: readonly NativeBenchmark[],
  config: BenchConfig,
  measure: Measure,
): Promise<Round> {
  const bank = Math.min(config.bank, WARM_UP_BANK);
  const k = Math.min(config.k, bank);
  return await measureRound(natives, { ...config, seconds: 0, bank, k }, measure);
}

/** Measures everything once, one after the other. */
export async function measureRound(
  natives: readonly NativeBenchmark[],
  { seconds, bank, queries, k }: BenchConfig,
  measure: Measure,
): Promise<Round> {
  const precisions: PrecisionRound[] = [];
  for (const native of natives) {
    const { precision } = native.description;
    const alone = <Result>(measurement: Measurement, job: () => Promise<Result>) =>
      measure(measurement, native, job, precision);
    precisions.push({
      flops: await alone('matrix product', () => native.matrixProduct(seconds)),
      steps: await alone('training step', () => native.steps(seconds, 'phases')),
      extraction: await alone('extraction', () => native.extraction(seconds)),
    });
  }
  const [any] = natives as readonly [NativeBenchmark, ...NativeBenchmark[]];
  const secondsPerView = await measure('augmentation', any, () => any.augmentation(seconds));
  const knnSeconds = await measure('kNN', any, () => any.knn({ bank, queries, k }));
  return { precisions, secondsPerView, knnSeconds };
}
