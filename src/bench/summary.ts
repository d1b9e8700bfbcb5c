import type { BenchConfig } from '../config/benchConfig.js';
import { type NativeSteps, STEP_PHASES, type StepPhase } from '../native/benchmark.js';
import type { BenchDescription, Precision } from './benchmarks.js';
import type { PrecisionRound } from './measure.js';

/**
 * What a step costs, in forward passes: one of each encoder, and a backward pass that costs two.
 */
const PASSES_PER_STEP = 4;

/** What a number was over the rounds. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** How fast something is that computes on pictures. */
export interface Throughput {
  readonly picturesPerSecond: Spread;
  /** Floating-point operations per second, by the architecture's multiply-adds. */
  readonly flops: Spread;
  /** Share (0…1) of the rate of the matrix product in the same round. */
  readonly shareOfMatrixProduct: Spread;
}

/** Shares (0…1) of a step; `other` is outside of all phases. */
export type PhaseShares = Readonly<Record<StepPhase | 'other', number>>;

/** What was measured in one precision. */
export interface PrecisionResult {
  readonly precision: Precision;
  readonly matrixProduct: { readonly flops: Spread };
  readonly step: Throughput & {
    /** The duration of the first step, in which a GPU's libraries choose their algorithms, too. */
    readonly firstSeconds: number;
    readonly phases: PhaseShares;
    /** Share (0…1) of a step that is spent in convolutions. */
    readonly convolutions: number;
  };
  readonly extraction: Throughput & {
    /** How long the first pictures took, likewise. */
    readonly firstSeconds: number;
  };
}

/** How much work one picture is. */
interface Work {
  readonly batchSize: number;
  /** Floating-point operations per picture. */
  readonly step: number;
  readonly extraction: number;
}

/** A multiply-add is two operations. */
export function workOf(
  { batchSize }: BenchConfig,
  { multiplyAdds: { backbone, head } }: BenchDescription,
): Work {
  return {
    batchSize,
    step: 2 * PASSES_PER_STEP * (backbone + head),
    extraction: 2 * backbone,
  };
}

/**
 * Rates and shares of one precision, each round's against its own matrix product.
 * @param warmUp the round before the others
 */
export function precisionResult(
  precision: Precision,
  work: Work,
  warmUp: PrecisionRound,
  rounds: readonly PrecisionRound[],
  convolutions: number,
): PrecisionResult {
  const stepRates = rounds.map(({ steps }) => (work.batchSize * steps.steps) / steps.seconds);
  const extractionRates = rounds.map(({ extraction }) => 1 / extraction.secondsPerPicture);
  return {
    precision,
    matrixProduct: { flops: spread(rounds.map(({ flops }) => flops)) },
    step: {
      ...throughput(stepRates, work.step, rounds),
      firstSeconds: warmUp.steps.warmUpSeconds,
      phases: phaseShares(rounds.map(({ steps }) => steps)),
      convolutions,
    },
    extraction: {
      ...throughput(extractionRates, work.extraction, rounds),
      firstSeconds: warmUp.extraction.firstSeconds,
    },
  };
}

/**
 * @param rates pictures per second, one for each round
 * @param work floating-point operations per picture
 */
function throughput(
  rates: readonly number[],
  work: number,
  rounds: readonly PrecisionRound[],
): Throughput {
  return {
    picturesPerSecond: spread(rates),
    flops: spread(rates.map((rate) => work * rate)),
    shareOfMatrixProduct: spread(
      rates.map((rate, round) => (work * rate) / (rounds[round] as PrecisionRound).flops),
    ),
  };
}

/** The share of each phase in the time of the steps. */
export function phaseShares(measured: readonly NativeSteps[]): PhaseShares {
  const whole = sum(measured.map(({ seconds }) => seconds));
  const times = measured.flatMap((steps) => steps.times);
  const share = (phase: StepPhase) =>
    sum(times.filter((time) => time.phase === phase).map(({ seconds }) => seconds)) / whole;
  const shares = STEP_PHASES.map((phase) => [phase, share(phase)] as const);
  const inPhases = sum(shares.map(([, value]) => value));
  return { ...Object.fromEntries(shares), other: Math.max(0, 1 - inPhases) } as PhaseShares;
}

/** Median and range. */
export function spread(numbers: readonly number[]): Spread {
  const sorted = numbers.toSorted((a, b) => a - b);
  const at = (index: number) => sorted[index] as number;
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 ? at(middle) : (at(middle - 1) + at(middle)) / 2;
  return { median, least: at(0), most: at(sorted.length - 1) };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
