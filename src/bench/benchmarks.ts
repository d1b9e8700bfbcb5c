import { availableParallelism } from 'node:os';
import type { BenchConfig } from '../config/benchConfig.js';
import { settledStem } from '../config/settledStem.js';
import { storedSizeFor } from '../data/storedSize.js';
import type { NativeAddon } from '../native/addon.js';
import type { NativeBenchmark, NativeBenchmarkDescription } from '../native/benchmark.js';
import { requireDevice } from '../native/requireDevice.js';
import type { StoppableWork } from '../native/stoppableWork.js';
import { version } from '../version.js';

/** The number format that convolutions compute in. */
export type Precision = 'fp32' | 'bf16';

/** What is measured, and on what. */
export interface BenchDescription extends Omit<NativeBenchmarkDescription, 'precision'> {
  readonly mocoVersion: string;
  readonly libtorchVersion: string;
  readonly node: string;
  readonly platform: string;
  readonly cpu: string;
  readonly cores: number;
  /** The precisions that are measured. */
  readonly precisions: readonly Precision[];
  /** Why these precisions, in words for the user. */
  readonly precisionReason: string;
}

/** A model in each precision. */
export interface Benchmarks extends AsyncDisposable {
  readonly description: BenchDescription;
  /** At least one. */
  readonly natives: readonly NativeBenchmark[];
}

/**
 * Makes a model for each precision that the configuration asks for. `all` is fp32 and what the device
 * chooses by itself; where it chooses fp32, that is measured once.
 * @throws MocoError `ERR_MOCO_DEVICE`, `_OUT_OF_MEMORY`; `_ABORTED` after the signal of `work`
 */
export async function createBenchmarks(
  config: BenchConfig,
  addon: NativeAddon,
  work: StoppableWork,
): Promise<Benchmarks> {
  requireDevice(config.device, addon);
  const natives: NativeBenchmark[] = [];
  const dispose = async () => {
    await Promise.all(natives.map((native) => native.dispose()));
  };
  try {
    const asked = config.precision === 'all' ? (['fp32', 'auto'] as const) : [config.precision];
    for (const precision of asked) {
      const stem = settledStem(config.stem, config.imageSize);
      const settled = { ...config, stem, storedSize: storedSizeFor(config.imageSize), precision };
      natives.push(await work.make(() => addon.createBenchmark(settled)));
    }
    const last = (natives.at(-1) as NativeBenchmark).description;
    if (natives.length > 1 && last.precision === 'fp32') await natives.pop()?.dispose();
    const precisions = natives.map(({ description }) => description.precision);
    return {
      natives,
      description: describe(last, precisions, addon),
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

function describe(
  { precision: _, ...common }: NativeBenchmarkDescription,
  precisions: readonly Precision[],
  addon: NativeAddon,
): BenchDescription {
  return {
    mocoVersion: version,
    libtorchVersion: addon.libtorchVersion,
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    cpu: addon.hardware().cpuName,
    cores: availableParallelism(),
    ...common,
    precisions,
  };
}
