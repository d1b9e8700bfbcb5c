import { FormatError, quoted } from './formatError.js';
import { PickledTensor, PickleTuple, type PickleValue } from './pickleValue.js';
import { requireShort } from './storedTensors.js';
import type { Scalar } from './tensorFile.js';

/** How many dictionaries and lists may lie inside each other. */
const MAX_DEPTH = 100;

/** What a pickle's outermost value holds. */
export interface PickledContent {
  /** In the file's order; names as in `TensorFileContent`. */
  readonly tensors: readonly (readonly [name: string, tensor: PickledTensor])[];
  readonly scalars: ReadonlyMap<string, Scalar>;
}

/**
 * Finds all tensors in dictionaries, lists and tuples. A container that occurs several times is
 * looked into once, and the tensors in it are named after its first place.
 * @throws FormatError where the pickle is not a dictionary or list
 */
export function contentOf(root: PickleValue): PickledContent {
  const entries = entriesOf(root);
  if (entries === undefined) {
    const what = root instanceof PickledTensor ? 'a tensor without a name' : 'no state dict';
    throw new FormatError(
      `it holds ${what}`,
      'Save a state dict: torch.save(model.state_dict(), …)',
    );
  }
  const scalars = new Map<string, Scalar>();
  for (const [key, value] of entries) {
    if (value !== null && typeof value !== 'object') scalars.set(nameOf(key), value);
  }
  const found: Found = { tensors: [], containers: new Set() };
  collect(root, '', 0, found);
  return { tensors: found.tensors, scalars };
}

interface Found {
  readonly tensors: [name: string, tensor: PickledTensor][];
  /** Dictionaries, lists and tuples that were looked into. */
  readonly containers: Set<PickleValue>;
}

function collect(value: PickleValue, name: string, depth: number, found: Found): void {
  if (value instanceof PickledTensor) found.tensors.push([name, value]);
  const entries = entriesOf(value);
  if (entries === undefined || found.containers.has(value)) return;
  if (depth > MAX_DEPTH) throw new FormatError(`its pickle is more than ${MAX_DEPTH} levels deep`);
  requireShort(name);
  found.containers.add(value);
  for (const [key, item] of entries) {
    if (item === null || typeof item !== 'object') continue;
    collect(item, name === '' ? nameOf(key) : `${name}.${nameOf(key)}`, depth + 1, found);
  }
}

function entriesOf(value: PickleValue): Iterable<[PickleValue, PickleValue]> | undefined {
  if (value instanceof Map) return value;
  if (value instanceof PickleTuple) return value.items.entries();
  return Array.isArray(value) ? value.entries() : undefined;
}

function nameOf(key: PickleValue): string {
  if (typeof key === 'string') return key;
  if (typeof key === 'number' || typeof key === 'bigint') return String(key);
  throw new FormatError(
    `its pickle has a key that is neither a text nor an integer: ${shown(key)}`,
  );
}

function shown(key: PickleValue): string {
  return typeof key === 'object' && key !== null ? 'an object' : quoted(String(key));
}
