import { writeFile } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { KnnConfig } from '#moco/config/knnConfig.js';
import type { LinearConfig } from '#moco/config/linearConfig.js';
import type { Evaluator } from '#moco/evaluate/createEvaluator.js';
import type { ModelInput } from '#moco/model/modelInput.js';
import type {
  NativeEvaluator,
  NativeKnnResult,
  NativeLinearMetrics,
  NativeSweepResult,
} from '#moco/native/evaluator.js';
import { addonError } from './addonError.js';
import { DOUBLE_DESCRIPTION } from './doubleDescription.js';
import { smallDataset } from './smallPictures.js';

/** What a double's model sees of a picture. */
const INPUT: ModelInput = {
  imageSize: 32,
  cropShare: 1,
  mean: [0.5, 0.5, 0.5],
  std: [0.25, 0.25, 0.25],
};

/** Of 60 training pictures in batches of 16: the last one has 12. */
const STEPS_PER_EPOCH = 4;

/** What goes wrong or well in a double's evaluation. */
export interface Script {
  /** Warnings that the double gives once. */
  readonly warnings?: string[];
  /** Top-1 after each epoch; 10, 20, 30 … where absent. */
  readonly testTop1?: readonly number[];
  readonly validationTop1?: readonly number[];
  /** `[epoch, step]` at which the loss is not finite. */
  readonly nonFiniteAt?: readonly [epoch: number, step: number];
  /** How each learning rate's probe does on the validation pictures. */
  readonly probes?: readonly (readonly [learningRate: number, top1: number, loss: number])[];
}

/**
 * Stands in for the addon's evaluator: three classes, and four steps per epoch, each after one turn
 * of the event loop, with losses that tell epoch and step (`2.375` is step 3 of epoch 2).
 */
export class NativeEvaluatorDouble implements NativeEvaluator {
  readonly description = DOUBLE_DESCRIPTION;
  /** Every call, in order. */
  readonly calls: string[] = [];
  /** What the classifier, or the sweep, was started with. */
  linearConfig: LinearConfig | undefined;
  isRunning = false;
  #isStopped = false;
  #epoch = 0;

  constructor(readonly script: Script = {}) {}

  async knn({ k, temperature: temperatures }: KnnConfig): Promise<NativeKnnResult[]> {
    this.#begin(`knn ${k}`);
    await this.#job();
    const confusion = Float64Array.from([3, 1, 0, 0, 4, 0, 0, 0, 0]);
    return temperatures.map((temperature, index) => ({
      temperature,
      top1: 87.5 - index,
      top5: 100,
      pictures: Float64Array.from([4, 4, 0]),
      right: Float64Array.from([3, 4, 0]),
      confusion,
    }));
  }

  async startLinear(config: LinearConfig): Promise<void> {
    this.#begin('start');
    this.linearConfig = config;
  }

  async trainLinearEpoch(
    epoch: number,
    onSteps: (rows: Float64Array) => void,
  ): Promise<NativeLinearMetrics> {
    this.#begin(`train ${epoch}`);
    this.#epoch = epoch;
    this.isRunning = true;
    try {
      for (let step = 1; step <= STEPS_PER_EPOCH; step++) {
        await this.#job();
        const [badEpoch, badStep] = this.script.nonFiniteAt ?? [];
        if (epoch === badEpoch && step === badStep) {
          throw addonError('ERR_MOCO_NON_FINITE', `epoch ${epoch}, step ${step}: the loss is NaN`);
        }
        const pictures = step === STEPS_PER_EPOCH ? 12 : 16;
        onSteps(Float64Array.from([step, epoch + step / 8, pictures, 0.5]));
      }
    } finally {
      this.isRunning = false;
    }
    return { loss: epoch + 0.3125, top1: epoch, top5: 50 };
  }

  async measureLinear(split: 'test' | 'validation'): Promise<NativeLinearMetrics> {
    this.#begin(`measure ${split}`);
    await this.#job();
    const { testTop1, validationTop1 } = this.script;
    const top1 = { test: testTop1, validation: validationTop1 }[split]?.[this.#epoch - 1];
    return { loss: split === 'test' ? 0.5 : 0.25, top1: top1 ?? 10 * this.#epoch, top5: 90 };
  }

  async saveLinear(path: string, _description: string): Promise<void> {
    this.calls.push(`save ${path.endsWith('last_model.pth') ? 'last' : 'best'}`);
    await writeFile(path, this.calls.join(', '));
  }

  async nearest({ queries, k }: { readonly queries: readonly number[]; readonly k: number }) {
    this.#begin('nearest');
    await this.#job();
    const length = queries.length * k;
    return { pictures: new Float64Array(length), similarities: new Float64Array(length).fill(1) };
  }

  async sweepLinear(config: LinearConfig): Promise<NativeSweepResult[]> {
    this.#begin('sweep');
    this.linearConfig = config;
    await this.#job();
    return (this.script.probes ?? []).map(([learningRate, top1, loss]) => {
      const test = { loss: 0.5, top1: top1 - 1, top5: 99 };
      return { learningRate, train: test, validation: { loss, top1, top5: 98 }, test };
    });
  }

  async takeWarnings(): Promise<string[]> {
    return this.script.warnings?.splice(0) ?? [];
  }

  stop(): void {
    this.#isStopped = true;
  }

  async dispose(): Promise<void> {
    this.calls.push('dispose');
  }

  /** As in the addon, a job does not know of a `stop` before it. */
  #begin(call: string): void {
    this.calls.push(call);
    this.#isStopped = false;
  }

  /** A moment of work, which `stop` ends. */
  async #job(): Promise<void> {
    await nextTurn();
    if (this.#isStopped) throw addonError('ERR_MOCO_ABORTED', 'the evaluation was stopped');
  }
}

/** An evaluator on a double. */
export function evaluatorOn(
  native: NativeEvaluator,
  {
    validationPictures = 0,
    notices = [],
  }: { validationPictures?: number; notices?: string[] } = {},
): Evaluator {
  return {
    native,
    dataset: { ...smallDataset(60, 8), name: 'shapes', notices: [], imageSize: 32 },
    classes: ['disc', 'star', 'ring'],
    notices,
    description: {
      ...native.description,
      mocoVersion: '0.0.0',
      libtorchVersion: '2.13.0',
      model: { path: 'model.pth', arch: 'resnet18', width: 1, stem: 'cifar', input: INPUT },
      dataset: {
        ...{ name: 'shapes', classes: 3, trainPictures: 60, validationPictures, testPictures: 8 },
      },
    },
    [Symbol.asyncDispose]: () => native.dispose(),
  };
}
