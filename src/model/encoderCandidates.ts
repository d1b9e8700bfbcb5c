import type { StoredTensor } from '../formats/tensorFile.js';
import { type BackboneKind, backboneKind } from './architecture.js';
import {
  firstStageOf,
  type Naming,
  numberedNaming,
  referenceName,
  TORCHVISION,
} from './resnetNames.js';

/** A place in a file where the stages of a ResNet lie, and what else belongs to it there. */
export interface Candidate {
  /** How the names of its tensors begin: empty, or with a dot at the end. */
  readonly prefix: string;
  /** How those of its backbone begin; the reference has `f.` there, and its head beside it. */
  readonly backbonePrefix: string;
  readonly naming: Naming;
  /** The backbone's tensors, under the reference's names. */
  readonly backbone: readonly StoredTensor[];
  /** Undefined where they do not make up a ResNet. */
  readonly kind: BackboneKind | undefined;
}

/** A candidate that is a ResNet. */
export interface FoundEncoder extends Candidate {
  readonly kind: BackboneKind;
}

/** The first convolution of a block, or of its shortcut, in a stage that is named or numbered. */
const BLOCK = /^((?:.*\.)?)(?:layer\d+|(\d+))\.\d+\.(?:conv1|(shortcut)\.0)\.weight$/;

/** Where the reference has its backbone. */
const REFERENCE = /(^|\.)f\.$/;

/**
 * All places where a ResNet may lie, however deeply it is nested and wrapped: wherever there are
 * stages (`layer1` …, or `4` … in a Sequential) with blocks, what their names have in common is the
 * prefix. Takes time in proportion to the length of all names.
 */
export function encoderCandidates(tensors: readonly StoredTensor[]): Candidate[] {
  const namings = namingsByPrefix(tensors);
  const groups = groupedByPrefix(tensors, namings);
  return [...namings].map(([backbonePrefix, naming]) => {
    const group = groups.get(backbonePrefix) as StoredTensor[];
    const backbone = group.flatMap((tensor) => {
      const name = referenceName(naming, tensor.name.slice(backbonePrefix.length));
      return name === undefined ? [] : [{ ...tensor, name }];
    });
    const prefix = backbonePrefix.replace(REFERENCE, '$1');
    return { prefix, backbonePrefix, naming, backbone, kind: backboneKind(backbone) };
  });
}

/** Whether a network is made as the reference makes it: the backbone is its `f`, the head its `g`. */
export function isReference({ prefix, backbonePrefix }: Candidate): boolean {
  return prefix !== backbonePrefix;
}

export function isFound(candidate: Candidate): candidate is FoundEncoder {
  return candidate.kind !== undefined;
}

function namingsByPrefix(tensors: readonly StoredTensor[]): Map<string, Naming> {
  const namings = new Map<string, Naming>();
  for (const { name } of tensors) {
    const [, prefix, number, shortcut] = BLOCK.exec(name) ?? [];
    if (prefix === undefined) continue;
    const here = number === undefined ? TORCHVISION : numberedNaming(Number(number));
    const known = namings.get(prefix);
    const naming = known === undefined ? here : moreTelling(known, here);
    namings.set(prefix, shortcut === undefined ? naming : { ...naming, shortcut });
  }
  return namings;
}

/** Of stages in a Sequential, the one with the lowest number tells where they begin. */
function moreTelling(known: Naming, here: Naming): Naming {
  const isEarlier = firstStageOf(here) < firstStageOf(known); // false of stages that have names
  return isEarlier ? { ...here, shortcut: known.shortcut } : known;
}

/** The tensors under each prefix, all of them and in the file's order. */
function groupedByPrefix(
  tensors: readonly StoredTensor[],
  prefixes: ReadonlyMap<string, unknown>,
): Map<string, StoredTensor[]> {
  const groups = new Map<string, StoredTensor[]>([...prefixes.keys()].map((key) => [key, []]));
  const lengths = new Set([...groups.keys()].map(({ length }) => length));
  for (const tensor of tensors) {
    for (const length of lengths) groups.get(tensor.name.slice(0, length))?.push(tensor);
  }
  return groups;
}
