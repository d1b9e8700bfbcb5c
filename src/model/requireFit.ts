import { MocoError } from '../error.js';
import type { Dtype } from '../formats/dtype.js';
import { quoted } from '../formats/formatError.js';
import type { StoredTensor } from '../formats/tensorFile.js';
import {
  type Architecture,
  architectureOf,
  architectureTitle,
  type Layout,
  SUPPORTED_ARCHS,
} from './architecture.js';
import type { Model } from './readModel.js';

/** `backbone`: the tensors `f.…`; `encoder`: those and the projection head's, `g.…`. */
export type ModelPart = 'backbone' | 'encoder';

const FLOATS: readonly Dtype[] = ['F64', 'F32', 'F16', 'BF16'];

/** How many names of each kind an error lists. */
const LISTED = 3;

/**
 * The tensors of a model that an encoder is filled with, in the encoder's order; a `backbone` may
 * come with any head. BatchNorm's counter (`num_batches_tracked`), which old files lack and which
 * nothing is computed with, may be missing.
 * @param expected  of the whole encoder: `encoderLayout` of the addon
 * @throws MocoError `ERR_MOCO_CHECKPOINT` that lists missing, unexpected and misshaped tensors, with
 * the likely cause
 */
export function requireFit(model: Model, expected: Layout, part: ModelPart): StoredTensor[] {
  const isPart = ({ name }: { name: string }) => part === 'encoder' || name.startsWith('f.');
  const wanted = expected.filter(isPart);
  const found = new Map(model.tensors.filter(isPart).map((tensor) => [tensor.name, tensor]));
  const problems = [
    ...listed('missing', missing(wanted, found)),
    ...listed('unexpected', unexpected(wanted, found)),
    ...listed(
      'wrong',
      wanted.flatMap((entry) => misfit(entry, found.get(entry.name))),
    ),
  ];
  if (problems.length > 0) throw misfitError(model, expected, part, problems);
  return wanted.flatMap(({ name }) => found.get(name) ?? []);
}

function missing(wanted: Layout, found: ReadonlyMap<string, StoredTensor>): string[] {
  return wanted
    .map(({ name }) => name)
    .filter((name) => !found.has(name) && !name.endsWith('.num_batches_tracked'));
}

function unexpected(wanted: Layout, found: ReadonlyMap<string, StoredTensor>): string[] {
  const names = new Set(wanted.map(({ name }) => name));
  return [...found.keys()].filter((name) => !names.has(name)).map(quoted);
}

function misfit({ name, shape }: Layout[number], tensor: StoredTensor | undefined): string[] {
  if (tensor === undefined) return [];
  if (tensor.shape.join() !== shape.join()) {
    return [`${name} is ${dimensions(tensor.shape)}, expected ${dimensions(shape)}`];
  }
  if (name.endsWith('.num_batches_tracked') || FLOATS.includes(tensor.dtype)) return [];
  return [`${name} holds ${tensor.dtype}, expected floating-point numbers`];
}

function dimensions(shape: readonly number[]): string {
  return shape.length === 0 ? 'a single number' : shape.join('×');
}

function listed(title: string, items: readonly string[]): string[] {
  if (items.length === 0) return [];
  const more = items.length > LISTED ? ` … (${items.length} in all)` : '';
  return [`  ${title}: ${items.slice(0, LISTED).join(', ')}${more}`];
}

function misfitError(
  model: Model,
  expected: Layout,
  part: ModelPart,
  problems: readonly string[],
): MocoError {
  const asked = architectureOf(expected) as Architecture; // the addon's own layout
  const what = `the ${part} of ${asked.arch} with the ${asked.stem} stem`;
  const message = `${model.file.path} does not fit ${what}:\n${problems.join('\n')}`;
  return new MocoError('ERR_MOCO_CHECKPOINT', message, { hint: likelyCause(model, asked, part) });
}

function likelyCause(model: Model, asked: Architecture, part: ModelPart): string {
  const { architecture: found, file } = model;
  if (found === undefined) return notAResNet(model);
  const { arch, stem, featureDim } = found;
  const title = architectureTitle(arch);
  if (!SUPPORTED_ARCHS.includes(arch)) {
    return `This is a ${title}; moco has ${SUPPORTED_ARCHS.join(', ')}.`;
  }
  const causes: string[] = [];
  if (arch !== asked.arch) causes.push(`This is a ${title}; pass --arch ${arch}.`);
  if (stem !== asked.stem) {
    const name = stem === 'cifar' ? 'stem for small pictures' : 'ImageNet stem';
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
  return `The file is incomplete or of another network: moco inspect ${file.path} shows it.`;
}

function notAResNet({ kind, tensors, file }: Model): string {
  if (kind !== 'network') {
    return `Its backbone is none of the ResNets that moco knows: moco inspect ${file.path} shows it.`;
  }
  if (tensors.every(({ name }) => /(^|\.)(fc|g|linear|head)\./.test(name))) {
    return 'It holds a linear classifier or projection head only, no backbone.';
  }
  const names = tensors.slice(0, LISTED).map(({ name }) => quoted(name));
  return `It holds no ResNet under a name that moco knows; its tensors are ${names.join(', ')} …`;
}
