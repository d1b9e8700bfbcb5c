import type { FoundEncoder } from './encoderCandidates.js';
import { firstStageOf } from './resnetNames.js';

/**
 * What moco takes for granted of a network that it did not build, because no tensor shows it, and
 * what the names say of it; one sentence each.
 * @param names of all tensors in the file
 */
export function unseenNotes(encoder: FoundEncoder, names: readonly string[]): string[] {
  const notes = [conventions(encoder), missingRelu(encoder), missingPooling(encoder)];
  return [...notes, soloLearn(encoder, names)].filter((note) => note !== undefined);
}

/** Modules without tensors between the stem's BatchNorm and the first stage, where that is known. */
function modulesBetween({ naming }: FoundEncoder): number | undefined {
  return naming.style === 'numbers' ? firstStageOf(naming) - 2 : undefined;
}

function conventions(encoder: FoundEncoder): string {
  const { arch, stem } = encoder.kind;
  const pooling = stem === 'cifar' ? 'no max-pooling' : 'max-pooling';
  const isBottleneck = arch !== 'resnet18' && arch !== 'resnet34';
  const facts = [
    stem === 'cifar' ? 'the 3×3 stem pads by 1' : 'the 7×7 stem pads by 3',
    ...(modulesBetween(encoder) === 1 ? [] : [`${pooling} follows it`]),
    ...(isBottleneck ? ['a bottleneck has its stride in the 3×3 convolution'] : []),
    "BatchNorm's epsilon is 1e-5",
    "pictures are normalised by the data set's own mean and deviation",
  ];
  return `moco takes for granted what no tensor shows: ${facts.join(', ')}`;
}

function missingRelu(encoder: FoundEncoder): string | undefined {
  if (modulesBetween(encoder) !== 0) return undefined;
  return (
    "its numbers say that the first stage follows the stem's BatchNorm without a ReLU between them, " +
    'as in a Sequential of the children of a network that calls ReLU as a function; ' +
    'moco has one there, and its features differ'
  );
}

function missingPooling(encoder: FoundEncoder): string | undefined {
  if (encoder.kind.stem !== 'imagenet' || modulesBetween(encoder) !== 1) return undefined;
  return (
    'its numbers say that no max-pooling follows the 7×7 stem; ' +
    'moco has one there, and its features differ'
  );
}

/** solo-learn trains a classifier beside the backbone, and changes torchvision's stem for CIFAR. */
function soloLearn({ prefix, kind }: FoundEncoder, names: readonly string[]): string | undefined {
  const [, outer] = /^((?:.*\.)?)(?:backbone|encoder)\.$/.exec(prefix) ?? [];
  if (outer === undefined || kind.stem !== 'cifar') return undefined;
  if (!names.includes(`${outer}classifier.weight`)) return undefined;
  return (
    'its names are those of solo-learn, whose 3×3 stem pads by 2, so that its pictures become 34×34; ' +
    'where it made this model, features differ from those that moco computes'
  );
}
