import { isDeepStrictEqual } from 'node:util';
import * as check from '../arguments/check.js';
import { absolute } from '../arguments/paths.js';
import type { MocoError } from '../error.js';
import type { Layout } from '../model/backboneLayout.js';
import { describeModel } from '../model/description.js';
import { isCounter } from '../model/deviation.js';
import { encoderShape } from '../model/encoderShape.js';
import type { ModelInput } from '../model/modelInput.js';
import { type Model, readModel } from '../model/readModel.js';
import { requireFinite } from '../model/requireFinite.js';
import { requireFit } from '../model/requireFit.js';
import { settledInput } from '../model/settledInput.js';
import type { NativeAddon } from '../native/addon.js';
import type { NativeEncoder, NativeEncoderConfig } from '../native/encoder.js';
import type { NativeTensorSource } from '../native/input.js';
import { loadAddon } from '../native/load.js';
import { requireDevice } from '../native/requireDevice.js';
import { StoppableWork } from '../native/stoppableWork.js';
import { version } from '../version.js';
import type { Encoder, EncoderDescription } from './encoder.js';
import { LOAD_ENCODER_ARGUMENTS, type LoadEncoderOptions } from './loadEncoderOptions.js';
import { LoadedEncoder } from './loadedEncoder.js';

/** Settings of the addon that an encoder does not have. */
const NOT_SETTLED = { deterministic: false, dataThreads: 1, cudaGraph: false } as const;

/**
 * Loads a trained encoder, to turn pictures into features with it.
 * @param modelPath a model that moco can read: `.pth` or `.safetensors`
 * @throws MocoError `ERR_MOCO_CHECKPOINT` for a file that cannot be read or is of no such encoder,
 *   `_CONFIG` for wrong options, and where neither they nor the file say what the encoder sees,
 *   `_NON_FINITE`, `_DEVICE`, `_NATIVE_MISSING`, `_OUT_OF_MEMORY`; `_ABORTED` after the signal
 */
export async function loadEncoder(
  modelPath: string,
  options: LoadEncoderOptions = {},
): Promise<Encoder> {
  check.requireArguments('loadEncoder', LOAD_ENCODER_ARGUMENTS, { modelPath, options });
  return await loadEncoderFor('auto', modelPath, options);
}

/**
 * The same for pixels of one size, of which the encoder sees what an evaluation sees of them: the
 * share in the middle, resized as Pillow does it.
 * @param side height and width of the pixels; `auto`: such as need no resizing
 * @throws MocoError as `loadEncoder`
 */
export async function loadEncoderFor(
  side: number | 'auto',
  modelPath: string,
  options: LoadEncoderOptions,
): Promise<Encoder> {
  const work = new StoppableWork('loading the encoder', options.signal);
  const addon = loadAddon();
  const { device = 'auto', precision = 'auto', tf32 = true, threads = 'auto' } = options;
  requireDevice(device, addon);
  const model = await readModel(absolute(modelPath), options.prefix);
  const { batchSize = 'auto', batchInvariant = false } = options;
  const { tensors, ...encoder } = encoderOf(model, options, addon);
  const config: NativeEncoderConfig & ModelInput = {
    ...{ ...NOT_SETTLED, device, precision, tf32, threads, batchSize, batchInvariant, side },
    ...encoder,
    ...settledInput(model.file.path, describeModel(model.file).input, options),
  };
  const native = await make(addon, config, { path: model.file.path, tensors }, work);
  return new LoadedEncoder(native, describe(model, config, options, native, addon));
}

/** The tensors of a model's encoder, with its projection head where it has one of moco's. */
function encoderOf(model: Model, options: LoadEncoderOptions, addon: NativeAddon) {
  // Where the tensors are no ResNet, what does not fit is reported against these.
  const otherwise = { arch: 'resnet50', stem: 'cifar', width: 1 } as const;
  const kind = { ...otherwise, ...model.architecture, ...given(options, ['arch', 'stem']) };
  const shape = encoderShape(kind);
  const layout = addon.encoderLayout(shape);
  const hasHead = shape.featureDim > 0 && hasTensors(model, layout);
  const tensors = requireFit(model, layout, hasHead ? 'encoder' : 'backbone');
  return { ...shape, featureDim: hasHead ? shape.featureDim : 0, tensors };
}

/** Whether a model has the projection head of a layout. */
function hasTensors({ tensors }: Model, layout: Layout): boolean {
  const shapes = new Map(tensors.map(({ name, shape }) => [name, shape]));
  return layout
    .filter(({ name }) => name.startsWith('g.') && !isCounter(name))
    .every(({ name, shape }) => isDeepStrictEqual(shapes.get(name), shape));
}

/** Those of some options that a program has given. */
function given<Key extends keyof LoadEncoderOptions>(
  options: LoadEncoderOptions,
  keys: readonly Key[],
): { [key in Key]?: NonNullable<LoadEncoderOptions[key]> } {
  const entries = keys.map((key) => [key, options[key]]).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries);
}

async function make(
  addon: NativeAddon,
  config: NativeEncoderConfig,
  source: NativeTensorSource,
  work: StoppableWork,
): Promise<NativeEncoder> {
  try {
    return await work.make(() => addon.createEncoder(config, source));
  } catch (error) {
    // The addon says that some values are not finite. To say which ones takes another look.
    const { code } = error as MocoError;
    if (code === 'ERR_MOCO_NON_FINITE') await requireFinite(source, work.signal);
    throw error;
  }
}

function describe(
  { file, notes }: Model,
  config: NativeEncoderConfig & ModelInput,
  { maxQueue = 1024 }: LoadEncoderOptions,
  { description }: NativeEncoder,
  { libtorchVersion }: NativeAddon,
): EncoderDescription {
  const { featureLength, projectionLength, ...native } = description;
  const { arch, width, stem, imageSize, cropShare, mean, std, batchInvariant } = config;
  return {
    ...{ mocoVersion: version, libtorchVersion, ...native, maxQueue, batchInvariant },
    model: { path: file.path, arch, width, stem, input: { imageSize, cropShare, mean, std } },
    dims: { features: featureLength, projection: projectionLength || undefined },
    notices: notes,
  };
}
