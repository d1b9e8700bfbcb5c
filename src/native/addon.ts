import type { TrainConfig } from '../config/trainConfig.js';
import type { NativeBenchmark, NativeBenchmarkConfig } from './benchmark.js';
import type { NativeEncoder, NativeEncoderConfig, NativeEncoderShape } from './encoder.js';
import type { NativeEvaluator, NativeEvaluatorConfig } from './evaluator.js';
import type { NativeGroup, NativeRendezvous } from './group.js';
import type { NativeDataset, NativePictureCounts, NativeTensorSource } from './input.js';
import type { NativeHardware, NativeMemory } from './machine.js';
import type { NativeFeaturePlace, NativeSearcher, NativeSearcherConfig } from './searcher.js';
import type { NativeBeginning, NativeTrainer } from './trainer.js';

/**
 * The compiled addon. It is given whole configurations and reads its settings from them, under the
 * names of the schemas in src/config; what is missing or of another type throws a `TypeError` at
 * once. Every rejection is an `Error` with `code` and, mostly, `hint`.
 */
export interface NativeAddon {
  /** The LibTorch version that the addon was compiled against, e.g. `2.13.0`. */
  readonly libtorchVersion: string;
  createTrainer(
    config: TrainConfig,
    dataset: NativeDataset,
    beginning?: NativeBeginning,
    /** The processes that train together, which have joined; without it, this one trains alone. */
    group?: NativeGroup,
  ): Promise<NativeTrainer>;
  createGroup(rendezvous: NativeRendezvous): Promise<NativeGroup>;
  /** @param model the backbone: every parameter and statistic `f.…`, under the reference's names */
  createEvaluator(
    config: NativeEvaluatorConfig,
    dataset: NativeDataset,
    model: NativeTensorSource,
  ): Promise<NativeEvaluator>;
  /** @param model the backbone, and the projection head where the configuration has one */
  createEncoder(config: NativeEncoderConfig, model: NativeTensorSource): Promise<NativeEncoder>;
  createBenchmark(config: NativeBenchmarkConfig): Promise<NativeBenchmark>;
  /** @param place of the rows; without it they are appended to memory */
  createSearcher(config: NativeSearcherConfig, place?: NativeFeaturePlace): Promise<NativeSearcher>;
  /**
   * The largest power of two that fits in the memory of the device.
   * @param config its own batch size does not count
   */
  chooseBatchSize(config: TrainConfig, pictures: NativePictureCounts): number;
  /** Name and shape of every parameter and buffer of an encoder, in PyTorch's order. */
  encoderLayout(encoder: NativeEncoderShape): { name: string; shape: number[] }[];
  /**
   * Copies tensors, checksums checked, into a file that appears whole: `pth` as `torch.save`
   * writes an OrderedDict, or `safetensors` with a CRC-32 per tensor.
   */
  convertTensors(
    source: NativeTensorSource,
    target: {
      readonly path: string;
      readonly format: 'pth' | 'safetensors';
      /** JSON about the model, for `moco inspect`; empty: none. */
      readonly description: string;
      /** Whether a file that is there, also one that appears meanwhile, is replaced. */
      readonly replaces: boolean;
    },
  ): Promise<void>;
  /** The numbers of tensors, row-major and in fp32; checksums are checked. */
  readTensors(source: NativeTensorSource): Promise<Float32Array[]>;
  /**
   * Writes TorchScript, which appears whole, where nothing is yet.
   * @param tensors submodules are made as their names say; the arrays must stay as they are until the
   * promise settles
   */
  writeTorchScript(
    target: {
      readonly path: string;
      /** Source of the methods of `__torch__.Model`, indented by two spaces. */
      readonly methods: string;
      /** JSON about the model: the extra file `moco.json`. */
      readonly description: string;
    },
    tensors: readonly {
      readonly name: string;
      readonly shape: readonly number[];
      readonly data: Float32Array;
    }[],
  ): Promise<void>;
  hardware(): NativeHardware;
  /**
   * Why moco's own CUDA kernels are not used; empty where they are. Asking makes a CUDA context on
   * the GPU, which takes memory there.
   */
  cudaKernelsUnavailable(): string;
  /** What PyTorch has of the CPU's memory. */
  memory(): NativeMemory;
}
