import type { StoredTensor } from '../formats/tensorFile.js';
import type { FoundEncoder } from './encoderCandidates.js';
import { referenceName } from './resnetNames.js';

/** Tensors of a file that are not part of its encoder. */
export interface LeftOut {
  /** What their names have in common: `optimizer`, `encoder_k`, `fc`. */
  readonly name: string;
  readonly tensors: number;
}

/** An encoder's tensors under the reference's names, and what else was in the file. */
export interface Selection {
  readonly tensors: readonly StoredTensor[];
  readonly leftOut: readonly LeftOut[];
}

/** Heads that moco itself makes: `g.…`, which projects, and `fc.…`, which classifies. */
const OWN_HEAD = /^(g|fc)\./;

/**
 * Takes an encoder out of its file: the backbone, and a head of moco's or the reference's own. Other
 * heads are left out, since moco computes nothing with them.
 * @param isOwn whether moco or the reference made the network
 */
export function encoderTensors(
  tensors: readonly StoredTensor[],
  { prefix, backbonePrefix, naming }: FoundEncoder,
  isOwn: boolean,
): Selection {
  const within = (start: string, name: string) =>
    name.startsWith(start) ? name.slice(start.length) : '';
  return rename(tensors, prefix, (name) => {
    const head = within(prefix, name);
    if (isOwn && OWN_HEAD.test(head)) return head;
    return referenceName(naming, within(backbonePrefix, name));
  });
}

/** The tensors under a prefix, with names from there on, and what else was in the file. */
export function tensorsUnder(tensors: readonly StoredTensor[], prefix: string): Selection {
  return rename(tensors, prefix, (name) =>
    name.startsWith(prefix) ? name.slice(prefix.length) : undefined,
  );
}

/** Renames tensors; those that get no name are left out. */
function rename(
  tensors: readonly StoredTensor[],
  prefix: string,
  newName: (name: string) => string | undefined,
): Selection {
  const kept: StoredTensor[] = [];
  const groups = new Map<string, number>();
  for (const tensor of tensors) {
    const name = newName(tensor.name);
    if (name !== undefined) {
      kept.push({ ...tensor, name });
      continue;
    }
    const group = groupOf(tensor.name, prefix);
    groups.set(group, (groups.get(group) ?? 0) + 1);
  }
  return { tensors: kept, leftOut: [...groups].map(([name, tensors]) => ({ name, tensors })) };
}

/** Where a name leaves the way to the encoder; a number says little without what it is a number in. */
function groupOf(name: string, prefix: string): string {
  const parts = name.split('.');
  const way = prefix.split('.');
  const at = parts.findIndex((part, index) => part !== way[index]);
  const group = parts[at] as string;
  return at > 0 && /^\d+$/.test(group) ? `${parts[at - 1]}.${group}` : group;
}
