import * as check from '../arguments/check.js';
import { type BenchConfig, type BenchConfigInput, benchCommand } from '../config/benchConfig.js';
import { parseConfig } from '../config/resolve.js';
import type { NativeAddon } from '../native/addon.js';
import type { NativeSteps, StepPhase } from '../native/benchmark.js';
import { loadAddon } from '../native/load.js';
import { StoppableWork } from '../native/stoppableWork.js';
import { type BenchDescription, createBenchmarks, type Precision } from './benchmarks.js';
import { BENCH_ARGUMENTS, type BenchOptions } from './events.js';
import { type PhaseShares, phaseShares } from './summary.js';

/** One operator in one phase of a step. */
export interface OperatorProfile {
  readonly phase: StepPhase | 'other';
  /** PyTorch's name, as `aten::mm`; a phase's own name for the time outside of operators. */
  readonly name: string;
  readonly callsPerStep: number;
  /** Without the operators that this one calls. */
  readonly secondsPerStep: number;
  /** Share (0…1) of the step's time. */
  readonly share: number;
}

/** Where the time of a training step goes. */
export interface StepProfile {
  readonly precision: Precision;
  /** How many steps were measured. */
  readonly steps: number;
  readonly secondsPerStep: number;
  readonly phases: PhaseShares;
  /** Share (0…1) that is spent in convolutions. */
  readonly convolutions: number;
  /** The one that takes longest comes first. */
  readonly operators: readonly OperatorProfile[];
}

export interface ProfileResult {
  readonly config: BenchConfig;
  readonly description: BenchDescription;
  /** One for each precision. */
  readonly profiles: readonly StepProfile[];
}

/**
 * Tells where the time of a training step goes, by operator; measured for `rounds` × `seconds` in
 * each precision. On a GPU every operator is waited for, which makes the step itself slower.
 * @param config what differs from the defaults
 * @throws MocoError as `bench`
 */
export async function profileStep(
  config: BenchConfigInput,
  options: BenchOptions = {},
): Promise<ProfileResult> {
  check.requireArguments('profileStep', BENCH_ARGUMENTS, { options });
  const resolved = parseConfig(benchCommand, config);
  return await profileStepOn(loadAddon(), resolved, options);
}

/** `profileStep` with an addon that is there already. */
export async function profileStepOn(
  addon: NativeAddon,
  config: BenchConfig,
  { onEvent, signal }: BenchOptions,
): Promise<ProfileResult> {
  const work = new StoppableWork('the benchmark', signal);
  // A step that is replayed from a CUDA graph runs no single operators that could be timed.
  await using benchmarks = await createBenchmarks({ ...config, cudaGraph: false }, addon, work);
  const { description, natives } = benchmarks;
  await onEvent?.({ type: 'start', config, description });
  const profiles: StepProfile[] = [];
  for (const native of natives) {
    const { precision } = native.description;
    const progress = { round: 1, rounds: 1, measurement: 'training step' } as const;
    await onEvent?.({ type: 'measuring', ...progress, precision });
    const seconds = config.rounds * config.seconds;
    const steps = await work.run(native, () => native.steps(seconds, 'operators'));
    profiles.push(stepProfile(precision, steps));
  }
  return { config, description, profiles };
}

function stepProfile(precision: Precision, measured: NativeSteps): StepProfile {
  const { steps, seconds, times } = measured;
  const operators = times.map(({ phase, name, calls, seconds: own }) => ({
    phase: phase === '' ? ('other' as const) : phase,
    name,
    callsPerStep: calls / steps,
    secondsPerStep: own / steps,
    share: own / seconds,
  }));
  return {
    precision,
    steps,
    secondsPerStep: seconds / steps,
    phases: phaseShares([measured]),
    convolutions: convolutionShare(measured),
    operators: operators.toSorted((a, b) => b.secondsPerStep - a.secondsPerStep),
  };
}

/** Share (0…1) of steps, measured by operators, that is spent in convolutions. */
export function convolutionShare({ seconds, times }: NativeSteps): number {
  const convolutions = times.filter(({ name }) => name.includes('convolution'));
  return convolutions.reduce((sum, { seconds: own }) => sum + own, 0) / seconds;
}
