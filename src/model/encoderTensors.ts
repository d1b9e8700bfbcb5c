import type { StoredTensor, TensorFile } from '../formats/tensorFile.js';

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

/**
 * What an encoder is wrapped in, from the outside to the inside: a training checkpoint's
 * dictionary, DistributedDataParallel, and the official MoCo's model with its two encoders.
 */
const WRAPPERS = ['state_dict.', 'model.', 'module.', 'encoder_q.'];

/** What the query encoder is wrapped in in moco's own checkpoints; the key encoder has `key.`. */
const CHECKPOINT_WRAPPERS = ['query.'];

/**
 * The reference's names by torchvision's. The reference has numbers, since its layers lie in a
 * Sequential.
 */
const REFERENCE_NAMES: Readonly<Record<string, string>> = {
  conv1: 'f.0',
  bn1: 'f.1',
  layer1: 'f.3',
  layer2: 'f.4',
  layer3: 'f.5',
  layer4: 'f.6',
};

/**
 * Finds the encoder in a file: takes it out of what it is wrapped in and gives its tensors the
 * reference's names. A classifier or head of another make is left out.
 * @returns undefined where the file holds no ResNet under a known name
 */
export function encoderTensors({ tensors, metadata }: TensorFile): Selection | undefined {
  const isCheckpoint = metadata.get('format') === 'moco-checkpoint';
  const wrappers = isCheckpoint ? CHECKPOINT_WRAPPERS : WRAPPERS;
  const unwrapped = wrappers.reduce(unwrap, { tensors, leftOut: [] });
  const selection = withReferenceNames(unwrapped);
  return selection.tensors.some(({ name }) => name.startsWith('f.')) ? selection : undefined;
}

function unwrap(selection: Selection, prefix: string): Selection {
  if (!selection.tensors.some(({ name }) => name.startsWith(prefix))) return selection;
  return rename(selection, (name) =>
    name.startsWith(prefix) ? name.slice(prefix.length) : undefined,
  );
}

function withReferenceNames(selection: Selection): Selection {
  if (!selection.tensors.some(({ name }) => name === 'conv1.weight')) return selection;
  return rename(selection, (name) => {
    const [layer, ...rest] = name.split('.') as [string, ...string[]];
    const known = Object.hasOwn(REFERENCE_NAMES, layer) ? REFERENCE_NAMES[layer] : undefined;
    return known === undefined ? undefined : [known, ...rest].join('.');
  });
}

/** Renames tensors; those that get no name are left out. */
function rename(
  { tensors, leftOut }: Selection,
  newName: (name: string) => string | undefined,
): Selection {
  const kept: StoredTensor[] = [];
  const others: StoredTensor[] = [];
  for (const tensor of tensors) {
    const name = newName(tensor.name);
    if (name === undefined) others.push(tensor);
    else kept.push({ ...tensor, name });
  }
  return { tensors: kept, leftOut: [...leftOut, ...grouped(others)] };
}

/** Tensors in groups, by the first part of their names. */
function grouped(tensors: readonly StoredTensor[]): LeftOut[] {
  const counts = new Map<string, number>();
  for (const { name } of tensors) {
    const group = name.split('.')[0] as string;
    counts.set(group, (counts.get(group) ?? 0) + 1);
  }
  return [...counts].map(([name, tensors]) => ({ name, tensors }));
}
