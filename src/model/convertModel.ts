import { stat } from 'node:fs/promises';
import { throwIfAborted } from '../abort.js';
import * as check from '../arguments/check.js';
import { absolute } from '../arguments/paths.js';
import { MocoError } from '../error.js';
import { DESCRIPTION_RECORD } from '../formats/pth.js';
import { METADATA } from '../formats/safetensorsHeader.js';
import type { StoredTensor, TensorFile } from '../formats/tensorFile.js';
import type { NativeAddon } from '../native/addon.js';
import { loadAddon } from '../native/load.js';
import { descriptionRecord } from './description.js';
import type { LeftOut } from './encoderTensors.js';
import { noResNet } from './misfit.js';
import { type Model, readModel } from './readModel.js';
import { ownName, TORCHVISION } from './resnetNames.js';

export interface ConvertOptions {
  /** Replace the output if there is one. */
  readonly force?: boolean | undefined;
  /** Where the model is in the file, if there are several: how the names of its tensors begin. */
  readonly prefix?: string | undefined;
  /** What a ResNet's tensors are called in the output; the reference's names by default. */
  readonly names?: ModelNames | undefined;
  /** Ends the conversion, as long as it is not written yet. */
  readonly signal?: AbortSignal | undefined;
}

/** `reference`: `f.0`, `f.3.0.conv1` … `torchvision`: `conv1`, `layer1.0.conv1` … */
export type ModelNames = (typeof MODEL_NAMES)[number];

export const MODEL_NAMES = ['reference', 'torchvision'] as const;

const ARGUMENTS = {
  input: check.path,
  output: check.path,
  options: check.options<ConvertOptions>({
    force: check.flag,
    prefix: check.text,
    names: check.oneOf(MODEL_NAMES),
    signal: check.signal,
  }),
};

/** What was converted. */
export interface Conversion {
  readonly output: string;
  readonly format: 'pth' | 'safetensors';
  readonly tensors: number;
  /** Tensors of the input that are not part of its model. */
  readonly leftOut: readonly LeftOut[];
  /** Names of what lies beside the tensors and is not converted, such as `epoch` and `arch`. */
  readonly valuesLeftOut: readonly string[];
  /** What else the input holds and is not converted; nothing of it was run. */
  readonly opaque: TensorFile['opaque'];
  /** What tensors do not show, and which encoder was taken; one sentence each. */
  readonly notes: readonly string[];
  /** Why a network is no ResNet that moco knows and keeps its names, in one or several lines. */
  readonly misfit: string | undefined;
}

/** Texts of moco's own, which the output gets anew or takes over, so that none is lost. */
const OWN_METADATA = ['format', 'header_crc32', 'checksums', DESCRIPTION_RECORD];

/**
 * Writes the model of a file in another format, told by the output's ending: `.pth` for Python's
 * `torch.load`, or `.safetensors` with a checksum for every tensor. The tensors of a ResNet get the
 * names that are asked for, and heads of moco's own keep theirs (`g.…`, `fc.…`); those of other
 * networks keep their names. The output appears whole or not at all.
 * @throws MocoError `ERR_MOCO_CONFIG` for another ending, other names, or the same file twice,
 * `ERR_MOCO_OUTPUT` where the output exists already or cannot be written, `ERR_MOCO_CHECKPOINT` for
 * a wrong or damaged input, `ERR_MOCO_NATIVE_MISSING` …; `ERR_MOCO_ABORTED` after the signal
 */
export async function convertModel(
  input: string,
  output: string,
  options: ConvertOptions = {},
): Promise<Conversion> {
  check.requireArguments('convertModel', ARGUMENTS, { input, output, options });
  return await convertWith(loadAddon, absolute(input), absolute(output), options);
}

/** `convertModel` with an addon that is loaded when everything else is right. */
export async function convertWith(
  load: () => Pick<NativeAddon, 'convertTensors'>,
  input: string,
  output: string,
  { force = false, prefix, names, signal }: ConvertOptions,
): Promise<Conversion> {
  const format = formatOf(output);
  throwIfAborted(signal, 'the conversion');
  await requireFree(input, output, force);
  const model = await readModel(input, prefix);
  if (format === 'safetensors') requireFreeMetadata(model);
  const { file, leftOut, notes, misfit } = model;
  const tensors = named(model, names);
  throwIfAborted(signal, 'the conversion');
  await load()
    .convertTensors(
      { path: input, tensors },
      { path: output, format, description: descriptionRecord(file), replaces: force },
    )
    .catch((error: unknown) => Promise.reject(MocoError.from(error)));
  const valuesLeftOut = valuesOf(file);
  const { opaque } = file;
  const left = { leftOut, valuesLeftOut, opaque };
  return { output, format, tensors: tensors.length, ...left, notes, misfit };
}

function formatOf(output: string): Conversion['format'] {
  if (output.endsWith('.pth')) return 'pth';
  if (output.endsWith('.safetensors')) return 'safetensors';
  const message = `output ${output}: expected a name that ends in .pth or .safetensors`;
  throw new MocoError('ERR_MOCO_CONFIG', message, { hint: 'The ending tells the format.' });
}

/** A model's tensors under the names that are asked for. */
function named(
  { file, tensors, misfit }: Model,
  names: ModelNames | undefined,
): readonly StoredTensor[] {
  if (names !== undefined && misfit !== undefined) {
    const hint = 'Without --names, it is converted with the names that it has.';
    throw noResNet(file.path, misfit, hint);
  }
  if (names !== 'torchvision') return tensors;
  return tensors.map((tensor) => ({ ...tensor, name: ownName(TORCHVISION, tensor.name) }));
}

async function requireFree(input: string, output: string, force: boolean): Promise<void> {
  const existing = await identity(output);
  if (existing === undefined) return;
  if (existing === (await identity(input))) {
    throw new MocoError('ERR_MOCO_CONFIG', `${input} and ${output} are the same file`, {
      hint: 'Choose another output.',
    });
  }
  if (force) return;
  throw new MocoError('ERR_MOCO_OUTPUT', `${output} exists already and was not changed`, {
    hint: 'Choose another path, or pass --force to replace it.',
  });
}

function requireFreeMetadata({ file, tensors }: Model): void {
  if (!tensors.some(({ name }) => name === METADATA)) return;
  const message = `${file.path}: its tensor "${METADATA}" has the one name that safetensors cannot hold`;
  throw new MocoError('ERR_MOCO_CHECKPOINT', message, { hint: 'Convert it to .pth.' });
}

/** A text that is the same for all paths to a file; undefined where no file can be seen there. */
async function identity(path: string): Promise<string | undefined> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  return found && `${found.dev}:${found.ino}`;
}

function valuesOf({ scalars, metadata }: TensorFile): string[] {
  const texts = [...metadata.keys()].filter((key) => !OWN_METADATA.includes(key));
  return [...scalars.keys(), ...texts];
}
