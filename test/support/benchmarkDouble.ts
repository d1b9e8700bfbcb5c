import { setImmediate as nextTurn } from 'node:timers/promises';
import type { NativeAddon } from '#moco/native/addon.js';
import type {
  NativeBenchmark,
  NativeBenchmarkConfig,
  NativeExtraction,
  NativeFolded,
  NativeOperatorTime,
  NativeSteps,
} from '#moco/native/benchmark.js';
import { addonError } from './addonError.js';
import { DOUBLE_DESCRIPTION } from './doubleDescription.js';

/** What a double's measurements give: one number each time, and the last one again after that. */
export interface Script {
  readonly flops?: readonly number[];
  readonly stepSeconds?: readonly number[];
  /** The precision that `auto` stands for. */
  readonly auto?: 'fp32' | 'bf16';
}

const PHASES: readonly NativeOperatorTime[] = [
  { phase: 'wait', name: 'wait', calls: 1, seconds: 0.01 },
  { phase: 'input', name: 'input', calls: 2, seconds: 0.02 },
  { phase: 'forward', name: 'forward', calls: 1, seconds: 0.3 },
  { phase: 'backward', name: 'backward', calls: 1, seconds: 0.6 },
  { phase: 'update', name: 'update', calls: 1, seconds: 0.05 },
];

const OPERATORS: readonly NativeOperatorTime[] = [
  { phase: 'forward', name: 'aten::mm', calls: 4, seconds: 0.1 },
  { phase: 'forward', name: 'aten::mkldnn_convolution', calls: 40, seconds: 0.5 },
  { phase: 'backward', name: 'aten::convolution_backward', calls: 20, seconds: 1 },
  { phase: '', name: 'aten::empty', calls: 2, seconds: 0.2 },
];

/** An addon whose benchmarks are doubles; `calls` lists what they were asked for, in order. */
export function benchmarkAddon(script: Script = {}): NativeAddon & { readonly calls: string[] } {
  const calls: string[] = [];
  return {
    calls,
    libtorchVersion: '2.13.0',
    hardware: () => ({
      cpuName: 'double',
      cpuBf16: true,
      cpuKernelsUnavailable: '',
      cuda: undefined,
      cudaUnavailable: 'none',
    }),
    createBenchmark: async (config: NativeBenchmarkConfig) =>
      new NativeBenchmarkDouble(config, script, calls),
  } as unknown as NativeAddon & { calls: string[] };
}

class NativeBenchmarkDouble implements NativeBenchmark {
  readonly description;
  #isStopped = false;
  #products = 0;
  #steps = 0;
  #extractions = 0;

  constructor(
    { precision }: NativeBenchmarkConfig,
    readonly script: Script,
    readonly calls: string[],
  ) {
    const { auto = 'bf16' } = script;
    this.description = {
      ...DOUBLE_DESCRIPTION,
      precision: precision === 'auto' ? auto : precision,
      precisionReason: precision === 'auto' ? 'as the double likes it' : 'as asked',
      computeThreads: 2,
      multiplyAdds: { backbone: 900, head: 100 },
      featureLength: 512,
    } as const;
  }

  async steps(_: number, detail: 'phases' | 'operators'): Promise<NativeSteps> {
    await this.#job(detail);
    const warmUpSeconds = 7;
    if (detail === 'operators') return { warmUpSeconds, steps: 2, seconds: 2, times: OPERATORS };
    const seconds = numberAt(this.script.stepSeconds ?? [1], this.#steps++);
    const times = PHASES.map((time) => ({ ...time, seconds: time.seconds * seconds }));
    return { warmUpSeconds: warmUpSeconds - this.#steps, steps: 1, seconds, times };
  }

  async extraction(): Promise<NativeExtraction> {
    await this.#job('extraction');
    return { firstSeconds: 4 - this.#extractions++, secondsPerPicture: 0.25 };
  }

  async folded(): Promise<NativeFolded> {
    await this.#job('folded');
    return { pictures: 16, fusedSeconds: 0.5, plainSeconds: 0.75, fallbacks: [] };
  }

  async matrixProduct(): Promise<number> {
    await this.#job('product');
    return numberAt(this.script.flops ?? [1e6], this.#products++);
  }

  async augmentation(): Promise<number> {
    await this.#job('augmentation');
    return 4e-5;
  }

  async knn({ bank, queries, k }: Pick<NativeBenchmarkConfig, 'bank' | 'queries' | 'k'>) {
    await this.#job(`knn ${bank} × ${queries}, k ${k}`);
    return 2;
  }

  memory() {
    return { inUse: 1, cached: 2, peak: 3e9, held: 4e9 };
  }

  stop(): void {
    this.#isStopped = true;
  }

  async dispose(): Promise<void> {
    this.calls.push(`${this.description.precision} dispose`);
  }

  /** A moment of work, which `stop` ends; as in the addon, it does not know of one before it. */
  async #job(name: string): Promise<void> {
    this.calls.push(`${this.description.precision} ${name}`);
    this.#isStopped = false;
    await nextTurn();
    if (this.#isStopped) throw addonError('ERR_MOCO_ABORTED', 'the evaluation was stopped');
  }
}

function numberAt(numbers: readonly number[], index: number): number {
  return numbers[Math.min(index, numbers.length - 1)] as number;
}
