import type { NativeBenchmark, NativeBenchmarkOptions } from './benchmark.js';
import type { NativeEvaluator, NativeEvaluatorOptions } from './evaluator.js';
import type { NativeTensorSource } from './input.js';
import type { NativeHardware, NativeMemory } from './machine.js';
import type { NativeMemoryDemand, NativeTrainer, NativeTrainerOptions } from './trainer.js';

/**
 * The compiled addon. Every rejection is an `Error` with `code` and, mostly, `hint`; options of the wrong
 * type throw a `TypeError` at once. The pictures' arrays must stay as they are until the promise settles.
 */
export interface NativeAddon {
  /** The LibTorch version that the addon was compiled against, e.g. `2.13.0`. */
  readonly libtorchVersion: string;
  createTrainer(options: NativeTrainerOptions): Promise<NativeTrainer>;
  createEvaluator(options: NativeEvaluatorOptions): Promise<NativeEvaluator>;
  createBenchmark(options: NativeBenchmarkOptions): Promise<NativeBenchmark>;
  /** The largest power of two that fits in the memory of the device. */
  chooseBatchSize(demand: NativeMemoryDemand): number;
  /** Name and shape of every parameter and buffer of an encoder, in PyTorch's order. */
  encoderLayout(
    arch: string,
    featureDim: number,
    stem: string,
  ): { name: string; shape: number[] }[];
  /**
   * Copies tensors, checksums checked, into a new file that appears by rename: `pth` as `torch.save`
   * writes an OrderedDict, or `safetensors` with a CRC-32 per tensor.
   */
  convertTensors(
    source: NativeTensorSource,
    target: {
      readonly path: string;
      readonly format: 'pth' | 'safetensors';
      /** JSON about the model, for `moco inspect`; empty: none. */
      readonly description: string;
    },
  ): Promise<void>;
  hardware(): NativeHardware;
  /**
   * Why moco's own CUDA kernels are not used; empty where they are. Asking makes a CUDA context on
   * the GPU, which takes memory there.
   */
  cudaKernelsUnavailable(): string;
  /** What PyTorch has of the CPU's memory. */
  memory(): NativeMemory;
  /** Stops every thread that this process's addon started, and waits for it; called at exit. */
  shutdown(): void;
}
