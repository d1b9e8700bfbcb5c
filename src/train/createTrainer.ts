import { parseConfig } from '../config/resolve.js';
import { type TrainConfig, type TrainConfigInput, trainCommand } from '../config/trainConfig.js';
import type { Dataset, DownloadProgress } from '../data/dataset.js';
import { loadDataset } from '../data/load.js';
import type { NativeTrainerOptions } from '../native/addon.js';
import { MocoError } from '../native/error.js';
import { requireDevice } from '../native/hardware.js';
import { loadAddon } from '../native/load.js';
import { version } from '../version.js';
import { requireSpace, requireWritable } from './outputFolder.js';
import { runFiles } from './runFiles.js';
import { Trainer } from './trainer.js';

export interface CreateTrainerOptions {
  /** Called a few times a second while a data set is downloaded. */
  readonly onDownload?: ((progress: DownloadProgress) => void) | undefined;
  /** Ends a download. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Checks everything that can be checked, loads the data set (and downloads it, if need be) and
 * makes the model. Nothing is written to the output folder before `run`.
 * @param config what differs from the defaults
 * @throws MocoError `ERR_MOCO_CONFIG`, `_OUTPUT`, `_DATA`, `_NETWORK`, `_DEVICE`, `_NATIVE_MISSING` …
 */
export async function createTrainer(
  config: TrainConfigInput,
  options: CreateTrainerOptions = {},
): Promise<Trainer> {
  const resolved = parseConfig(trainCommand, config);
  await requireWritable(resolved.out);
  const addon = loadAddon();
  requireDevice(resolved.device, addon);
  const dataset = await loadDataset(resolved, options);
  const native = await addon
    .createTrainer(nativeOptions(resolved, dataset))
    .catch((error: unknown) => Promise.reject(MocoError.from(error)));
  try {
    await requireSpace(resolved.out, native.description.parameters);
  } catch (error) {
    await native.dispose();
    throw error;
  }
  const description = {
    mocoVersion: version,
    libtorchVersion: addon.libtorchVersion,
    ...native.description,
    dataset: {
      name: dataset.name,
      classes: dataset.classes.length,
      trainPictures: dataset.train.count,
      testPictures: dataset.test.count,
    },
    files: runFiles(resolved),
  };
  return new Trainer({ config: resolved, description, native, notices: dataset.notices });
}

/** What the addon is told to train. */
export function nativeOptions(config: TrainConfig, dataset: Dataset): NativeTrainerOptions {
  return {
    train: dataset.train,
    test: dataset.test,
    classes: dataset.classes.length,
    mean: dataset.mean,
    std: dataset.std,
    arch: config.arch,
    featureDim: config.featureDim,
    temperature: config.temperature,
    momentum: config.momentum,
    batchSize: config.batchSize,
    learningRate: config.learningRate,
    weightDecay: config.weightDecay,
    seed: config.seed,
    device: config.device,
    precision: config.precision,
    queueLength: config.m,
    neighbours: config.k,
    dataThreads: config.dataThreads === 'auto' ? 0 : config.dataThreads,
    computeThreads: config.threads === 'auto' ? 0 : config.threads,
  };
}
