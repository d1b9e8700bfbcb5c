import { MocoError } from '../error.js';
import { quoted, shortened } from '../formats/formatError.js';
import type { StoredTensor, TensorFile } from '../formats/tensorFile.js';
import { architectureTitle, nearestBackbone } from './architecture.js';
import { typedPrefix } from './chooseEncoder.js';
import { deviationLines } from './deviation.js';
import type { Candidate } from './encoderCandidates.js';
import { ownName } from './resnetNames.js';
import { causesOf } from './resnetVariants.js';

/** How many names a message lists. */
const LISTED = 3;

/**
 * Why tensors are no ResNet that moco knows: what they are instead, or the nearest ResNet and how
 * they differ from it, in their own names. Several lines, without a full stop at the end.
 * @param candidates none of which is a ResNet
 * @param opaque what was not read in the file, as tensors may be
 */
export function misfitOf(
  tensors: readonly StoredTensor[],
  candidates: readonly Candidate[],
  opaque: TensorFile['opaque'],
): string {
  const [first, ...others] = candidates;
  if (first === undefined) return [otherNetwork(tensors), ...notRead(opaque, isWeight)].join('\n');
  const fullest = others.reduce(
    (best, next) => (next.backbone.length > best.backbone.length ? next : best),
    first,
  );
  return nearMiss(fullest, opaque);
}

/** The error of a file whose network, as `misfitOf` says, is no ResNet. */
export function noResNet(path: string, misfit: string, hint: string): MocoError {
  const message = `${path} holds no ResNet that moco knows: ${misfit}`;
  return new MocoError('ERR_MOCO_CHECKPOINT', message, { hint });
}

/** Names of a vision transformer's tensors. */
const TRANSFORMER = /(^|\.)(cls_token|pos_embed|patch_embed|attn|self_attn|attention)(\.|$)/;

/** Names of tensors that come after a backbone. */
const HEAD = /(^|\.)(fc|g|linear|head)\./;

function otherNetwork(tensors: readonly StoredTensor[]): string {
  if (tensors.some(({ name }) => TRANSFORMER.test(name))) {
    return 'it is a transformer, and moco has ResNets only';
  }
  if (tensors.every(({ name }) => HEAD.test(name))) {
    return 'it is a linear classifier or projection head only, without a backbone';
  }
  const names = tensors.slice(0, LISTED).map(({ name }) => quoted(name));
  return `nothing in it is named as a ResNet's stages and blocks are; its tensors are ${names.join(', ')} …`;
}

function nearMiss(
  { prefix, backbonePrefix, naming, backbone }: Candidate,
  opaque: TensorFile['opaque'],
): string {
  const { arch, stem, width, deviation } = nearestBackbone(backbone);
  const own = (name: string) => backbonePrefix + ownName(naming, name);
  const inOwnNames = {
    missing: deviation.missing.map(own),
    unexpected: deviation.unexpected.map(own),
    misshaped: deviation.misshaped.map((tensor) => ({ ...tensor, name: own(tensor.name) })),
  };
  const nearest = `the nearest is a ${architectureTitle(arch, width)} with the ${stem} stem`;
  const where = prefix === '' ? nearest : `${nearest} in ${typedPrefix(prefix)}`;
  const causes = causesOf(deviation, backbone);
  const title = causes.length === 0 ? where : `${where}, but ${causes.join(', and ')}`;
  const missing = new Set(inOwnNames.missing);
  const unread = notRead(opaque, (place) => missing.has(place));
  return [title, ...deviationLines(inOwnNames), ...unread].join('\n');
}

function isWeight(place: string): boolean {
  return place.endsWith('.weight');
}

/** What stands in places of tensors, and is of a kind that moco does not read. */
function notRead(opaque: TensorFile['opaque'], isTensor: (place: string) => boolean): string[] {
  return opaque.flatMap(({ what, places }) => {
    const [first, ...others] = places.filter(isTensor);
    if (first === undefined) return [];
    const more = others.length > 0 ? ` … (${others.length + 1} in all)` : '';
    return [`  not read: ${shortened(what)} in ${quoted(first)}${more}`];
  });
}
