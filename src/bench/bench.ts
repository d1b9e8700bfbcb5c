import * as check from '../arguments/check.js';
import { type BenchConfig, type BenchConfigInput, benchCommand } from '../config/benchConfig.js';
import { parseConfig } from '../config/resolve.js';
import type { NativeAddon } from '../native/addon.js';
import type { NativeBenchmark } from '../native/benchmark.js';
import { loadAddon } from '../native/load.js';
import type { NativeMemory } from '../native/machine.js';
import { StoppableWork } from '../native/stoppableWork.js';
import { type BenchDescription, type Benchmarks, createBenchmarks } from './benchmarks.js';
import { BENCH_ARGUMENTS, type BenchOptions } from './events.js';
import { type Measure, measureRound, type PrecisionRound, type Round, warmUp } from './measure.js';
import { convolutionShare } from './profile.js';
import { type PrecisionResult, precisionResult, type Spread, spread, workOf } from './summary.js';

/** What was measured, over the rounds. */
export interface BenchResult {
  readonly config: BenchConfig;
  readonly description: BenchDescription;
  readonly precisions: readonly PrecisionResult[];
  readonly augmentation: { readonly secondsPerView: Spread };
  readonly knn: { readonly seconds: Spread };
  /** Of the device that was measured. */
  readonly memory: NativeMemory;
}

/**
 * Measures this machine: a training step, augmentation, extraction of features, kNN, and how much
 * of the rate of a plain matrix product they reach. Everything is measured in turn in each round,
 * on random pictures, since the speed of a machine changes from minute to minute.
 * @param config what differs from the defaults
 * @throws MocoError `ERR_MOCO_CONFIG`, `_DEVICE`, `_NATIVE_MISSING`, `_OUT_OF_MEMORY`; `_ABORTED`
 * after the signal
 */
export async function bench(
  config: BenchConfigInput,
  options: BenchOptions = {},
): Promise<BenchResult> {
  check.requireArguments('bench', BENCH_ARGUMENTS, { options });
  const resolved = parseConfig(benchCommand, config);
  return await benchOn(loadAddon(), resolved, options);
}

/** `bench` with an addon that is there already. */
export async function benchOn(
  addon: NativeAddon,
  config: BenchConfig,
  { onEvent, signal }: BenchOptions,
): Promise<BenchResult> {
  const work = new StoppableWork('the benchmark', signal);
  await using benchmarks = await createBenchmarks(config, addon, work);
  const { description } = benchmarks;
  await onEvent?.({ type: 'start', config, description });
  const { rounds: count } = config;
  const inRound =
    (round: number): Measure =>
    async (measurement, native, job, precision) => {
      const where = precision === undefined ? {} : { precision };
      await onEvent?.({ type: 'measuring', round, rounds: count, measurement, ...where });
      return await work.run(native, job);
    };
  const make = (changes: Partial<BenchConfig>) =>
    createBenchmarks({ ...config, ...changes }, addon, work);
  const { warmUpRound, rounds, convolutions } = await measureAll(benchmarks, config, make, inRound);
  return {
    config,
    description,
    precisions: description.precisions.map((precision, index) => {
      const of = ({ precisions }: Round) => precisions[index] as PrecisionRound;
      const work = workOf(config, description);
      const share = convolutions[index] as number;
      return precisionResult(precision, work, of(warmUpRound), rounds.map(of), share);
    }),
    augmentation: { secondsPerView: spread(rounds.map(({ secondsPerView }) => secondsPerView)) },
    knn: { seconds: spread(rounds.map(({ knnSeconds }) => knnSeconds)) },
    memory: (benchmarks.natives[0] as NativeBenchmark).memory(),
  };
}

/** All rounds, then the share of the convolutions in each precision. */
async function measureAll(
  { natives, description }: Benchmarks,
  config: BenchConfig,
  make: (changes: Partial<BenchConfig>) => Promise<Benchmarks>,
  inRound: (round: number) => Measure,
): Promise<{ warmUpRound: Round; rounds: readonly Round[]; convolutions: readonly number[] }> {
  const { rounds: count } = config;
  const warmUpRound = await warmUp(natives, config, inRound(0));
  const rounds: Round[] = [];
  for (let round = 1; round <= count; round++) {
    rounds.push(await measureRound(natives, config, inRound(round)));
  }
  // A step that is replayed from a CUDA graph runs no single operators that could be timed.
  const isRecorded = description.device.startsWith('cuda') && config.cudaGraph;
  await using plain = isRecorded ? await make({ cudaGraph: false }) : undefined;
  const convolutions: number[] = [];
  for (const native of plain?.natives ?? natives) {
    const { precision } = native.description;
    const job = () => native.steps(0, 'operators');
    const steps = await inRound(count)('convolutions', native, job, precision);
    convolutions.push(convolutionShare(steps));
  }
  return { warmUpRound, rounds, convolutions };
}
