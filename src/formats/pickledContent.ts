import { FormatError, quoted } from './formatError.js';
import { kindOf, nameOf, OpaqueCollection, whatIs } from './opaqueValues.js';
import { PickledObject, type PickledTensor, PickleTuple, type PickleValue } from './pickleValue.js';
import { MAX_NAME_LENGTH } from './storedTensors.js';
import type { OpaqueValues, Scalar } from './tensorFile.js';
import { tensorOf } from './torchTensors.js';

/** How many dictionaries and lists may lie inside each other. */
const MAX_DEPTH = 100;

/** What a pickle's outermost value holds. */
export interface PickledContent {
  /** In the file's order; names as in `TensorFileContent`. */
  readonly tensors: readonly (readonly [name: string, tensor: PickledTensor])[];
  readonly scalars: ReadonlyMap<string, Scalar>;
  readonly opaque: readonly OpaqueValues[];
}

/**
 * Finds all tensors in dictionaries, lists and tuples, and in objects that were filled like
 * dictionaries. A container that occurs several times is looked into once, and the tensors in it are
 * named after its first place. What is neither tensor, number, text nor such a container is opaque.
 * @throws FormatError where the pickle is not a dictionary or list, and where it has a model that was
 * pickled whole and no tensor besides
 */
export function contentOf(root: PickleValue): PickledContent {
  const entries = entriesOf(root);
  if (entries === undefined) throw noStateDict(root);
  const scalars = new Map<string, Scalar>();
  for (const [key, value] of entries) {
    if (value !== null && typeof value !== 'object') scalars.set(nameOf(key), value);
  }
  const finder = new Finder();
  finder.collect(root, '', 0);
  const opaque = finder.opaque.values();
  const model = opaque.find(({ kind }) => kind === 'module');
  if (model !== undefined && finder.tensors.size === 0) {
    const [place] = model.places as [string];
    throw wholeModel(
      `its ${quoted(place)} is a whole model, pickled as ${model.what}`,
      `["${place}"]`,
    );
  }
  return { tensors: [...finder.tensors], scalars, opaque };
}

class Finder {
  readonly tensors = new Map<string, PickledTensor>();
  readonly opaque = new OpaqueCollection();
  /** Dictionaries, lists, tuples and objects that were looked into. */
  readonly #containers = new Set<PickleValue>();

  collect(value: PickleValue, name: string, depth: number): void {
    const tensor = tensorOf(value);
    if (tensor !== undefined) this.#collectTensor(tensor, name);
    else if (depth > MAX_DEPTH) this.opaque.add(`what lies ${MAX_DEPTH} levels deep`, name);
    else this.#collectContainer(value, name, depth);
  }

  #collectTensor(tensor: PickledTensor, name: string): void {
    if (tensor.type.dtype === undefined) this.opaque.add(whatIs(tensor), name, 'tensor');
    else if (this.tensors.has(name)) this.opaque.add('second tensor of a name', name);
    else this.tensors.set(name, tensor);
    if (tensor.hasAttributes) this.opaque.add('attributes of a tensor', name);
  }

  #collectContainer(value: PickleValue, name: string, depth: number): void {
    const entries = entriesOf(value);
    if (entries === undefined || value instanceof PickledObject) {
      this.opaque.add(whatIs(value), name, kindOf(value));
    }
    if (entries === undefined || this.#containers.has(value)) return;
    this.#containers.add(value);
    for (const [key, item] of entries) {
      if (item === null || typeof item !== 'object') continue;
      const itemName = name === '' ? nameOf(key) : `${name}.${nameOf(key)}`;
      if (itemName.length > MAX_NAME_LENGTH) this.opaque.add('what has a very long name', name);
      else this.collect(item, itemName, depth + 1);
    }
  }
}

function entriesOf(value: PickleValue): Iterable<[PickleValue, PickleValue]> | undefined {
  if (value instanceof Map) return value;
  if (value instanceof PickledObject) return value.items;
  if (value instanceof PickleTuple) return value.items.entries();
  return Array.isArray(value) ? value.entries() : undefined;
}

function noStateDict(root: PickleValue): FormatError {
  const hint = 'Save a state dict: torch.save(model.state_dict(), "model.pth").';
  if (kindOf(root) === 'module')
    return wholeModel(`it holds a whole model, pickled as ${whatIs(root)}`, '');
  const isTensor = tensorOf(root) !== undefined;
  const what = isTensor ? 'a tensor without a name' : `no state dict, but ${typeOf(root)}`;
  return new FormatError(`it holds ${what}`, hint);
}

function typeOf(value: PickleValue): string {
  if (value === null) return 'None';
  return typeof value === 'object' ? whatIs(value) : `a ${typeof value}`;
}

/** @param way to the model in what `torch.load` returns */
function wholeModel(message: string, way: string): FormatError {
  const load = `torch.load("…", weights_only=False)${way}`;
  return new FormatError(
    `${message}, not its state dict (nothing of it was run)`,
    `In Python, where its classes are known and if you trust the file: torch.save(${load}.state_dict(), "model.pth").`,
  );
}
