import type { TrainConfig } from '../config/trainConfig.js';
import type { NativeSnapshot, NativeTrainer } from '../native/trainer.js';
import type { ModelEvent } from '../run/events.js';
import { checkpointPaths } from './checkpoint.js';
import type { CheckpointEvent, TrainerDescription } from './events.js';
import { holdsBest } from './missingParts.js';
import { modelDescription, trainedOn } from './modelDescription.js';
import type { Progress } from './progress.js';
import type { RunRecord } from './runRecord.js';
import type { RunState } from './runState.js';

/** A file of a save was written. */
export type SaveEvent = ModelEvent | CheckpointEvent;

/** What a saver works with. */
interface SaverParts {
  readonly config: TrainConfig;
  readonly description: TrainerDescription;
  readonly native: Pick<NativeTrainer, 'snapshot'>;
  readonly recorder: Pick<RunRecord, 'lengths' | 'flush' | 'requireOpen'>;
  /** Whether this process is the one that writes the run's files. */
  readonly writes: boolean;
  /** The epoch of the model in the best model's file, where there is one. */
  readonly bestEpoch: number | undefined;
}

/** What one save writes, as it is to be said of the state at that moment. */
interface Content {
  readonly best: ModelEvent | undefined;
  readonly checkpoint: { readonly last: ModelEvent; readonly state: RunState } | undefined;
  /** The models' description. */
  readonly description: string;
}

/**
 * Writes a run's models and checkpoints from copies of its state, while the run goes on. At most one
 * save is in the making: the next one waits for it.
 */
export class RunSaver {
  readonly #parts: SaverParts;
  #bestEpoch: number | undefined;
  /** Never rejects: see `#failure`. */
  #inTheMaking: Promise<void> | undefined;
  #failure: { readonly error: unknown } | undefined;
  #written: SaveEvent[] = [];

  constructor(parts: SaverParts) {
    this.#parts = parts;
    this.#bestEpoch = parts.bestEpoch;
  }

  /** Whether a save is in the making. */
  get isBusy(): boolean {
    return this.#inTheMaking !== undefined;
  }

  /** Whether the run's state is that of the best epoch so far, which has no file yet. */
  hasNewBest(progress: Progress): boolean {
    return progress.best?.epoch !== this.#bestEpoch && holdsBest(progress.state());
  }

  /**
   * Copies the run's state, and writes from the copy what is due: the best model where `progress`
   * has a new best epoch, and with `hasCheckpoint` the last model and a checkpoint. Between an
   * evaluation and this call nothing may be trained, so that the state is the best epoch's.
   * @returns as soon as the state is copied, after the save before is done
   * @throws what the save before ended with; as `Recorder.requireOpen`
   */
  async save(progress: Progress, hasCheckpoint: boolean): Promise<void> {
    if (!this.#parts.writes) return;
    await this.finish();
    this.#parts.recorder.requireOpen();
    const content = this.#contentOf(progress, hasCheckpoint);
    const snapshot = await this.#parts.native.snapshot();
    if (content.best) this.#bestEpoch = content.best.epoch;
    this.#inTheMaking = this.#write(snapshot, content)
      .catch((error: unknown) => {
        this.#failure = { error };
      })
      .finally(() => {
        this.#inTheMaking = undefined;
      });
  }

  /**
   * The files that were written since the last call, in order.
   * @throws what a save ended with
   */
  takeWritten(): SaveEvent[] {
    if (this.#failure !== undefined) throw this.#failure.error;
    return this.#written.splice(0);
  }

  /** Returns when nothing is in the making, however that ended. */
  async settle(): Promise<void> {
    await this.#inTheMaking;
  }

  /** Returns when nothing is in the making. @throws what a save ended with */
  async finish(): Promise<void> {
    await this.settle();
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  #contentOf(progress: Progress, hasCheckpoint: boolean): Content {
    const { config, description, recorder } = this.#parts;
    const { files, mocoVersion, libtorchVersion, deviceName, precision, input } = description;
    const about = modelDescription(config, description, progress);
    const model = { type: 'model', epoch: about.epoch } as const;
    const state = {
      ...progress.state(),
      ...{ mocoVersion, libtorchVersion, deviceName, precision, config },
      ...{ input, trainedOn: trainedOn(description.dataset) },
      logs: recorder.lengths,
    };
    const last = { ...model, kind: 'last', path: files.lastModel } as const;
    return {
      best: this.hasNewBest(progress) ? { ...model, kind: 'best', path: files.model } : undefined,
      checkpoint: hasCheckpoint ? { last, state } : undefined,
      description: JSON.stringify(about),
    };
  }

  /**
   * The best model comes first, because the checkpoint says which one it is. The last model comes
   * before the checkpoint, because a run that goes on from there, and is done, does not write it
   * again. Everything that a checkpoint says of the logs is on the disk before.
   */
  async #write(snapshot: NativeSnapshot, { best, checkpoint, description }: Content) {
    try {
      if (best) await this.#writeModel(snapshot, best, description);
      if (!checkpoint) return;
      const { last, state } = checkpoint;
      await this.#writeModel(snapshot, last, description);
      await this.#parts.recorder.flush();
      const { newest, previous } = checkpointPaths(this.#parts.description.files.directory);
      await snapshot.saveCheckpoint(newest, previous, JSON.stringify(state));
      const { epoch, step } = state;
      this.#written.push({ type: 'checkpoint', epoch, step, path: newest });
    } finally {
      await snapshot.dispose();
    }
  }

  async #writeModel(snapshot: NativeSnapshot, model: ModelEvent, description: string) {
    await snapshot.saveModel(model.path, description);
    this.#written.push(model);
  }
}
