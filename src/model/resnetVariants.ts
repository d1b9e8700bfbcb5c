import type { StoredTensor } from '../formats/tensorFile.js';
import type { Deviation } from './deviation.js';

/** How many blocks are listed. */
const LISTED = 3;

/**
 * By what a network is known to differ from the nearest ResNet, one text each, as after "but".
 * @param deviation under the reference's names, as the backbone's tensors are
 */
export function causesOf(deviation: Deviation, backbone: readonly StoredTensor[]): string[] {
  return [
    lacking(deviation, backbone),
    deepStem(deviation),
    otherChannels(deviation),
    pooledShortcut(backbone),
    otherWidth(deviation),
    biases(deviation),
    otherNorm(deviation),
    splitNorm(deviation),
  ].filter((cause) => cause !== undefined);
}

/** Blocks of which nothing is there. */
function lacking({ missing }: Deviation, backbone: readonly StoredTensor[]): string | undefined {
  const blockOf = (name: string) => /^f\.\d\.\d+(?=\.)/.exec(name)?.[0] ?? [];
  const present = new Set(backbone.flatMap(({ name }) => blockOf(name)));
  const absent = new Set(missing.flatMap(blockOf).filter((block) => !present.has(block)));
  const titles = [...absent].map((block) => {
    const [, stage, number] = block.split('.').map(Number) as [number, number, number];
    return `block ${number + 1} of stage ${stage - 2}`;
  });
  if (titles.length === 0) return undefined;
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
