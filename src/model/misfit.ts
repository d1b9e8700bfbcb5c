import { MocoError } from '../error.js';
import { quoted } from '../formats/formatError.js';
import type { StoredTensor } from '../formats/tensorFile.js';
import { architectureTitle, nearestBackbone } from './architecture.js';
import { typedPrefix } from './chooseEncoder.js';
import { type Deviation, deviationLines } from './deviation.js';
import type { Candidate } from './encoderCandidates.js';
import { ownName } from './resnetNames.js';

/** How many names a message lists. */
const LISTED = 3;

/**
 * Why tensors are no ResNet that moco knows: what they are instead, or the nearest ResNet and how
 * they differ from it, in their own names. Several lines, without a full stop at the end.
 * @param candidates none of which is a ResNet
 */
export function misfitOf(
  tensors: readonly StoredTensor[],
  candidates: readonly Candidate[],
): string {
  const [first, ...others] = candidates;
  if (first === undefined) return otherNetwork(tensors);
  const fullest = others.reduce(
    (best, next) => (next.backbone.length > best.backbone.length ? next : best),
    first,
  );
  return nearMiss(fullest);
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

function nearMiss({ prefix, backbonePrefix, naming, backbone }: Candidate): string {
  const { arch, stem, deviation } = nearestBackbone(backbone);
  const own = (name: string) => backbonePrefix + ownName(naming, name);
  const inOwnNames = {
    missing: deviation.missing.map(own),
    unexpected: deviation.unexpected.map(own),
    misshaped: deviation.misshaped.map((tensor) => ({ ...tensor, name: own(tensor.name) })),
  };
  const nearest = `the nearest is a ${architectureTitle(arch)} with the ${stem} stem`;
  const where = prefix === '' ? nearest : `${nearest} (--prefix ${typedPrefix(prefix)})`;
  const causes = causesOf(deviation, backbone);
  const title = causes.length === 0 ? where : `${where}, but ${causes.join(', and ')}`;
  return [title, ...deviationLines(inOwnNames)].join('\n');
}

/** What is known to make a network differ from a ResNet, by the names of the reference. */
function causesOf(deviation: Deviation, backbone: readonly StoredTensor[]): string[] {
  return [
    lacking(deviation),
    deepStem(deviation),
    otherChannels(deviation),
    pooledShortcut(backbone),
    otherWidth(deviation),
    biases(deviation),
    otherNorm(deviation),
    splitNorm(deviation),
  ].filter((cause) => cause !== undefined);
}

/** Whole stages and blocks of which nothing is there. */
function lacking({ missing }: Deviation): string | undefined {
  const blocks = new Set(
    missing.flatMap((name) => /^f\.\d\.\d+(?=\.conv1\.weight$)/.exec(name) ?? []),
  );
  if (blocks.size === 0) return undefined;
  const titles = [...blocks].map((block) => {
    const [, stage, number] = block.split('.').map(Number) as [number, number, number];
    return `block ${number + 1} of stage ${stage - 2}`;
  });
  const more = titles.length > LISTED ? ` … (${titles.length} blocks in all)` : '';
  return `without ${titles.slice(0, LISTED).join(', ')}${more}`;
}

function deepStem({ missing, unexpected }: Deviation): string | undefined {
  const isDeep = unexpected.some((name) => /^(f\.0\.\d+|stem\.\d+|conv[2-9])\.weight$/.test(name));
  if (!isDeep || !missing.includes('f.0.weight')) return undefined;
  return 'its stem has several convolutions (ResNet-C, ResNet-D)';
}

function otherChannels({ misshaped }: Deviation): string | undefined {
  const channels = misshaped.find(({ name }) => name === 'f.0.weight')?.shape[1];
  if (channels === undefined || channels === 3) return undefined;
  return `its pictures have ${channels} ${channels === 1 ? 'channel' : 'channels'}, not 3`;
}

/** A convolution in the second place of a shortcut: a pooling, which has no tensors, is before it. */
function pooledShortcut(backbone: readonly StoredTensor[]): string | undefined {
  const isPooled = backbone.some(
    ({ name, shape }) => name.endsWith('.downsample.1.weight') && shape.length === 4,
  );
  return isPooled ? 'its shortcuts have average-pooling (ResNet-D)' : undefined;
}

function otherWidth({ misshaped }: Deviation): string | undefined {
  const isWide = misshaped.some(({ name, shape, expected }) => {
    const isSameKind = shape.length === 4 && shape[2] === expected[2];
    return isSameKind && /\.\d+\.conv2\.weight$/.test(name);
  });
  return isWide
    ? 'its layers have other widths (Wide ResNet, ResNeXt, ResNet for CIFAR)'
    : undefined;
}

function biases({ unexpected }: Deviation): string | undefined {
  const hasBias = unexpected.some((name) => /^f\.(0|.*\.conv\d)\.bias$/.test(name));
  return hasBias
    ? 'its convolutions have biases, as where BatchNorm was folded into them'
    : undefined;
}

function otherNorm({ missing, unexpected }: Deviation): string | undefined {
  const isWithout = (kind: string) => missing.includes(`f.1.${kind}`);
  if (!isWithout('running_mean')) return undefined;
  if (!isWithout('weight')) return 'its normalisation keeps no statistics (GroupNorm, LayerNorm)';
  const isOther = unexpected.some((name) => /\.gn\d\./.test(name));
  return isOther ? 'it has GroupNorm instead of BatchNorm' : undefined;
}

function splitNorm({ misshaped }: Deviation): string | undefined {
  const mean = misshaped.find(({ name }) => name === 'f.1.running_mean');
  const splits = Number(mean?.shape[0]) / Number(mean?.expected[0]);
  if (!Number.isInteger(splits) || splits < 2) return undefined;
  return `its BatchNorm keeps statistics for each of ${splits} parts of a batch (lightly's SplitBatchNorm)`;
}
