import { MocoError } from '../error.js';
import type { Dtype } from '../formats/dtype.js';
import { elementCount } from '../formats/storedTensors.js';
import type { StoredTensor } from '../formats/tensorFile.js';
import { type Architecture, architectureOf, architectureTitle } from './architecture.js';
import { ARCHS, hasSameTensors, type Layout } from './backboneLayout.js';
import { deviationLines, deviationOf, isCounter } from './deviation.js';
import { noResNet } from './misfit.js';
import type { Model } from './readModel.js';

/** `backbone`: the tensors `f.…`; `encoder`: those and the projection head's, `g.…`. */
export type ModelPart = 'backbone' | 'encoder';

const FLOATS: readonly Dtype[] = ['F64', 'F32', 'F16', 'BF16'];

/**
 * The tensors of a model that an encoder is filled with, in the encoder's order; a `backbone` may
 * come with any head. BatchNorm's counter (`num_batches_tracked`), which old files lack and which
 * nothing is computed with, may be missing; one that is no integer is passed over.
 * @param expected  of the whole encoder: `encoderLayout` of the addon
 * @throws MocoError `ERR_MOCO_CHECKPOINT` that lists missing, unexpected and misshaped tensors, with
 * the likely cause, or says why the model is no ResNet
 */
export function requireFit(model: Model, expected: Layout, part: ModelPart): StoredTensor[] {
  if (model.misfit !== undefined) {
    const hint = `moco has ${ARCHS.join(', ')}, as torchvision builds them.`;
    throw noResNet(model.file.path, model.misfit, hint);
  }
  const isPart = ({ name }: { name: string }) => part === 'encoder' || name.startsWith('f.');
  const wanted = expected.filter(isPart);
  const tensors = model.tensors.filter(isPart);
  const problems = deviationLines(deviationOf(tensors, wanted), wrongTypes(tensors, wanted));
  if (problems.length > 0) throw misfitError(model, expected, part, problems);
  const usable = tensors.filter((tensor) => !isCounter(tensor.name) || isInteger(tensor));
  const found = new Map(usable.map((tensor) => [tensor.name, tensor]));
  return wanted.flatMap(({ name }) => found.get(name) ?? []);
}

/** Whether a tensor is one integer; a conversion of all tensors to fp32 leaves counters that are none. */
function isInteger({ dtype, shape }: StoredTensor): boolean {
  return /^[IU]\d/.test(dtype) && elementCount(shape) === 1;
}

/** Tensors that hold no floating-point numbers, of those that are wanted. */
function wrongTypes(tensors: readonly StoredTensor[], wanted: Layout): string[] {
  const names = new Set(wanted.map(({ name }) => name));
  return tensors
    .filter(({ name, dtype }) => names.has(name) && !isCounter(name) && !FLOATS.includes(dtype))
    .map(({ name, dtype }) => `${name} holds ${dtype}, expected floating-point numbers`);
}

function misfitError(
  model: Model,
  expected: Layout,
  part: ModelPart,
  problems: readonly string[],
): MocoError {
  const asked = architectureOf(expected) as Architecture; // the addon's own layout
  const width = asked.width === 1 ? '' : ` of width ${asked.width}`;
  const what = `the ${part} of ${asked.arch}${width} with the ${asked.stem} stem`;
  const message = `${model.file.path} does not fit ${what}:\n${problems.join('\n')}`;
  return new MocoError('ERR_MOCO_CHECKPOINT', message, { hint: likelyCause(model, asked, part) });
}

function likelyCause(model: Model, asked: Architecture, part: ModelPart): string {
  const { architecture: found, file } = model;
  if (found === undefined) return incomplete(file.path);
  const { arch, stem, width, featureDim } = found;
  const title = architectureTitle(arch);
  const causes: string[] = [];
  if (arch !== asked.arch) causes.push(`This is a ${title}; pass --arch ${arch}.`);
  if (width !== asked.width) {
    causes.push(`Its layers have ${width} times the usual channels; pass --width ${width}.`);
  }
  if (!hasSameTensors(stem, asked.stem)) {
    const name = hasSameTensors(stem, 'cifar') ? 'stem for small pictures' : 'ImageNet stem';
    causes.push(`It has the ${name}; pass --stem ${stem}.`);
  }
  if (part === 'encoder' && featureDim !== asked.featureDim) {
    causes.push(
      featureDim === undefined
        ? 'It has no projection head (g.…): only its backbone can be used.'
        : `Its features have length ${featureDim}; pass --feature-dim ${featureDim}.`,
    );
  }
  if (causes.length > 0) return causes.join(' ');
  return incomplete(file.path);
}

function incomplete(path: string): string {
  return `The file is incomplete or of another network: moco inspect ${path} shows it.`;
}
