import { rename, writeFile } from 'node:fs/promises';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { parseConfig } from '#moco/config/resolve.js';
import { type TrainConfig, type TrainConfigInput, trainCommand } from '#moco/config/trainConfig.js';
import { SIZE_BY_NAME } from '#moco/data/sizeByName.js';
import type {
  LabelFreeMeasures,
  NativeEvaluation,
  NativeSnapshot,
  NativeTrainer,
} from '#moco/native/trainer.js';
import { settledBestBy } from '#moco/train/bestEpoch.js';
import type { Checkpoint } from '#moco/train/checkpoint.js';
import { runFiles } from '#moco/train/runFiles.js';
import { settledFor } from '#moco/train/settled.js';
import { Trainer } from '#moco/train/trainer.js';
import { addonError } from './addonError.js';
import { DOUBLE_DESCRIPTION } from './doubleDescription.js';
import { foundInput } from './foundInput.js';
import { mocoHeader, safetensors } from './safetensorsFile.js';

export const STEPS_PER_EPOCH = 4;

/** What a double measures without labels. */
export const MEASURED: LabelFreeMeasures = {
  ...{ alignment: 0.5, uniformity: -3, effectiveRank: 100.5, dimensionSpread: 0.875 },
  ...{ ownKeyRank: 0.0625, ownKeyMedianRank: 0.03125, ownKeyFirst: 0.5, neighbourAgreement: 0.25 },
};

/** What goes wrong or well in a double's run. */
export interface Script {
  /** kNN top-1 after each epoch; 10, 20, 30 … where absent. */
  readonly top1?: readonly number[];
  /** Whether there are no labels, so that only `measures` are told. */
  readonly isUnlabelled?: boolean;
  /** kNN top-1 before the first step; 5 where absent. */
  readonly untrainedTop1?: number;
  /** What is measured without labels after each epoch, where it differs from `MEASURED`. */
  readonly measures?: readonly Partial<LabelFreeMeasures>[];
  /** `[epoch, step]` at which the loss is not finite. */
  readonly nonFiniteAt?: readonly [epoch: number, step: number];
  /** Warnings that the double gives once. */
  readonly warnings?: string[];
  /** `[epoch, step]` at which the GPU fails. */
  readonly deviceFailsAt?: readonly [epoch: number, step: number];
  /** Seconds of each step, which takes half of one, in which no core was free; 0 where absent. */
  readonly secondsWithoutCore?: number;
  /** How many epochs were done before, where a run goes on. */
  readonly epochsBefore?: number;
  /**
   * Milliseconds that the double waits after it has handed rows over, so that it can be stopped.
   */
  readonly pause?: number;
  /**
   * Called before something is written (`best`, `last`, `checkpoint 1.0`), which waits for what it
   * returns and fails with what it throws.
   */
  readonly onWrite?: (what: string) => void | Promise<void>;
}

/** A copy of a double's state: what was called until then. */
class NativeSnapshotDouble implements NativeSnapshot {
  #isDisposed = false;

  constructor(
    readonly native: NativeTrainerDouble,
    readonly state: string,
  ) {}

  async saveModel(path: string, description: string): Promise<void> {
    await this.#write(path.endsWith('last_model.pth') ? 'last' : 'best');
    const texts = { format: 'moco-model', 'moco.json': description, state: this.state };
    await writeFile(path, safetensors(mocoHeader({ ...texts, checksums: '{}' }, {})));
  }

  async saveCheckpoint(path: string, previous: string, run: string): Promise<void> {
    const { epoch, step } = JSON.parse(run);
    await this.#write(`checkpoint ${epoch}.${step}`);
    await rename(path, previous).catch(() => {}); // there is none before the first
    const texts = { format: 'moco-checkpoint', run, checksums: '{}' };
    await writeFile(path, safetensors(mocoHeader(texts, {})));
  }

  async dispose(): Promise<void> {
    if (!this.#isDisposed) this.native.openSnapshots--;
    this.#isDisposed = true;
  }

  async #write(what: string): Promise<void> {
    await this.native.script.onWrite?.(what);
    this.native.written.push(what);
  }
}

/**
 * Stands in for the addon's trainer: four steps per epoch, each after one turn of the event loop,
 * with losses that tell epoch and step (`2.375` is step 3 of epoch 2). Rows are handed over in pairs.
 */
export class NativeTrainerDouble implements NativeTrainer {
  readonly description = {
    ...DOUBLE_DESCRIPTION,
    stepsPerEpoch: STEPS_PER_EPOCH,
    memory: {
      ...{ model: 2e8, queue: 1e6, pictures: 1e6, step: 8e8, evaluation: 3e8, snapshot: 2e8 },
      ...{ libraries: 0, peak: 2 ** 30, available: 2 ** 33 },
    },
  } as const;
  /** Every call, in order. */
  readonly calls: string[] = [];
  /** Everything that was written, in order: `best`, `last`, `checkpoint 1.0`. */
  readonly written: string[] = [];
  /** How many snapshots were not disposed of yet. */
  openSnapshots = 0;
  isRunning = false;
  #isStopped = false;

  constructor(readonly script: Script = {}) {}

  async trainEpoch(
    epoch: number,
    firstStep: number,
    onSteps: (rows: Float64Array) => void,
    lastStep = STEPS_PER_EPOCH,
  ): Promise<number> {
    this.calls.push(`train ${epoch}${firstStep > 1 ? ` from ${firstStep}` : ''}`);
    this.isRunning = true;
    this.#isStopped = false;
    let rows: number[] = [];
    const handOver = () => onSteps(Float64Array.from(rows.splice(0)));
    try {
      for (let step = firstStep; step <= lastStep; step++) {
        await nextTurn();
        if (this.#isStopped) return step - 1;
        const [badEpoch, badStep] = this.script.nonFiniteAt ?? [];
        if (epoch === badEpoch && step === badStep) {
          throw addonError('ERR_MOCO_NON_FINITE', `epoch ${epoch}, step ${step}: the loss is NaN`);
        }
        const [lostEpoch, lostStep] = this.script.deviceFailsAt ?? [];
        if (epoch === lostEpoch && step === lostStep) {
          throw addonError('ERR_MOCO_DEVICE', `epoch ${epoch}, step ${step}: the GPU failed`);
        }
        rows.push(step, epoch + step / 8, 0.25 * step, step, 1e-3, 0.5, Math.min(1, step / 3));
        rows.push(this.script.secondsWithoutCore ?? 0);
        if (step % 2 > 0) continue;
        handOver();
        if (this.script.pause !== undefined) await sleep(this.script.pause);
      }
      return lastStep;
    } finally {
      if (rows.length > 0) handOver();
      rows = [];
      this.isRunning = false;
    }
  }

  async evaluate(): Promise<NativeEvaluation> {
    const train = this.calls.findLast((call) => call.startsWith('train'));
    const epoch =
      train === undefined ? (this.script.epochsBefore ?? 0) + 1 : parseInt(train.slice(6), 10);
    this.calls.push('evaluate');
    if (train === undefined && this.script.epochsBefore === undefined) {
      return { top1: this.script.untrainedTop1 ?? 5, top5: 50, measures: MEASURED };
    }
    const measures = { ...MEASURED, ...this.script.measures?.[epoch - 1] };
    if (this.script.isUnlabelled) return { measures };
    return { top1: this.script.top1?.[epoch - 1] ?? 10 * epoch, top5: 90, measures };
  }

  async snapshot(): Promise<NativeSnapshot> {
    this.calls.push('snapshot');
    this.openSnapshots++;
    return new NativeSnapshotDouble(this, this.calls.join(', '));
  }

  async takeWarnings(): Promise<string[]> {
    return this.script.warnings?.splice(0) ?? [];
  }

  memory() {
    return { inUse: 100, cached: 20, peak: 300, held: 320 };
  }

  stop(): void {
    this.#isStopped = true;
  }

  async dispose(): Promise<void> {
    this.calls.push('dispose');
  }
}

/** A complete configuration. */
export function trainConfig(input: TrainConfigInput): TrainConfig {
  const settings = parseConfig(trainCommand, input);
  return { ...settings, ...settledFor(settings, foundInput(SIZE_BY_NAME[settings.dataset])) };
}

/** A trainer on a double. */
export function trainerOn(
  native: NativeTrainer & { readonly script?: Script },
  input: TrainConfigInput,
  { notices = [], checkpoint }: { notices?: string[]; checkpoint?: Checkpoint } = {},
) {
  const config = trainConfig({ batchSize: 16, epochs: 3, k: 5, m: 48, ...input });
  const isLabelled = native.script?.isUnlabelled !== true;
  const description = {
    ...native.description,
    mocoVersion: '0.0.0',
    libtorchVersion: '2.13.0',
    dataset: {
      name: 'shapes',
      classes: 10,
      trainPictures: 64,
      testPictures: 16,
      validationPictures: 0,
      isLabelled,
    },
    input: { imageSize: 32, cropShare: 1, mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] } as const,
    bestBy: settledBestBy(config, { isLabelled }, 16),
    files: runFiles(config),
  };
  return new Trainer({ config, description, native, notices, checkpoint });
}
