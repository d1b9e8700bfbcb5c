import { holdOut } from '../data/holdOut.js';
import { encoderShape } from '../model/encoderShape.js';
import type { ModelInput } from '../model/modelInput.js';
import type { Model } from '../model/readModel.js';
import { requireFinite } from '../model/requireFinite.js';
import { requireFit } from '../model/requireFit.js';
import type { NativeAddon } from '../native/addon.js';
import type { NativeDescription } from '../native/compute.js';
import type { NativeEvaluator } from '../native/evaluator.js';
import type { NativeTensorSource } from '../native/input.js';
import { loadAddon } from '../native/load.js';
import { requireDevice } from '../native/requireDevice.js';
import type { StoppableWork } from '../native/stoppableWork.js';
import type { FoundInput, InputDataset } from '../pictures/input.js';
import { version } from '../version.js';
import { labelledSplits, leftOut } from './labelledSplits.js';
import type { EvaluatorConfig, Measured } from './measuredModel.js';

/** Settings of training that the addon reads and that not every command with an evaluator has. */
const NOT_SETTLED = { dataThreads: 'auto', cudaGraph: false } as const;

/** What an evaluator measures, and where. */
export interface EvaluatorDescription extends NativeDescription {
  readonly mocoVersion: string;
  readonly libtorchVersion: string;
  readonly model: {
    readonly path: string;
    readonly arch: string;
    readonly width: number;
    readonly stem: string;
    /** What it sees of a picture. */
    readonly input: ModelInput;
  };
  readonly dataset: {
    readonly name: string;
    readonly classes: number;
    /** Without those held out. */
    readonly trainPictures: number;
    readonly validationPictures: number;
    readonly testPictures: number;
  };
}

/** A frozen backbone and a data set in the addon. */
export interface Evaluator extends AsyncDisposable {
  readonly native: NativeEvaluator;
  readonly description: EvaluatorDescription;
  readonly dataset: InputDataset;
  /** Names of the classes, by label. */
  readonly classes: readonly string[];
  /** What the user should know of the model and the data, one line each. */
  readonly notices: readonly string[];
}

/**
 * Loads the data set (and downloads it, if need be) and hands it to the addon with the model.
 * @param config as `measuredModel` settled it
 * @throws MocoError `ERR_MOCO_CHECKPOINT` for a model file that does not fit, `_NON_FINITE` for one
 * with values that are NaN or infinite, `_DATA`, `_NETWORK`, `_DEVICE`, `_NATIVE_MISSING`,
 * `_OUT_OF_MEMORY` …; `_ABORTED` after the signal
 */
export async function createEvaluator(
  config: Measured<EvaluatorConfig>,
  model: Model,
  input: FoundInput,
  work: StoppableWork,
): Promise<Evaluator> {
  const addon = loadAddon();
  requireDevice(config.device, addon);
  const backbone = backboneOf(model, config, addon);
  await requireFinite(backbone, work.signal);
  const dataset = await input.load();
  const heldOut = 'validation' in config ? config.validation : 0;
  // Neighbours are shown of any pictures; those that are measured by need labels.
  const used = 'page' in config ? dataset : labelledSplits(dataset, heldOut);
  const pictures = heldOut > 0 ? holdOut(used, heldOut, config.seed) : {};
  const splits = { ...dataset, ...used, ...pictures };
  const { imageSize, cropShare, mean, std } = dataset;
  const native = await work.make(() =>
    addon.createEvaluator({ ...NOT_SETTLED, ...config, imageSize }, splits, backbone),
  );
  const { modelPath, arch, width, stem } = config;
  const description = {
    mocoVersion: version,
    libtorchVersion: addon.libtorchVersion,
    ...native.description,
    model: { path: modelPath, arch, width, stem, input: { imageSize, cropShare, mean, std } },
    dataset: {
      name: dataset.name,
      classes: dataset.classes.length,
      trainPictures: splits.train.count,
      validationPictures: splits.validation?.count ?? 0,
      testPictures: splits.test.count,
    },
  };
  return {
    native,
    dataset,
    description,
    classes: dataset.classes,
    notices: [...model.notes, ...dataset.notices, ...leftOut(dataset, used)],
    [Symbol.asyncDispose]: () => native.dispose(),
  };
}

function backboneOf(
  model: Model,
  config: Measured<EvaluatorConfig>,
  addon: NativeAddon,
): NativeTensorSource {
  const layout = addon.encoderLayout(encoderShape(config));
  return { path: model.file.path, tensors: requireFit(model, layout, 'backbone') };
}
