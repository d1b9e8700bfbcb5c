import { shortened } from './formatError.js';
import {
  PickledObject,
  PickledStorage,
  PickledTensor,
  PickleGlobal,
  PickleTuple,
  type PickleValue,
} from './pickleValue.js';
import type { OpaqueKind, OpaqueValues } from './tensorFile.js';

/** How many places of one sort are kept. */
const MAX_PLACES = 1000;

/** How many items of a tuple that is a key are spelled out, and how many of its bytes. */
const MAX_SPELLED = 100;

/** What some of Python's calls make, where their own names would not say it. */
const MADE_BY: Readonly<Record<string, string>> = {
  '_codecs.encode': 'bytes',
  'torch.serialization._get_layout': 'torch.layout',
  'torch._utils._rebuild_qtensor': 'quantised tensor',
  'torch._utils._rebuild_sparse_tensor': 'sparse tensor',
  'torch._utils._rebuild_nested_tensor': 'nested tensor',
  'torch._utils._rebuild_meta_tensor_no_storage': 'tensor without elements (device meta)',
  'torch._utils._rebuild_tensor_v2': 'conjugated or negated tensor',
  'torch._utils._rebuild_tensor_v3': 'conjugated or negated tensor',
};

/** Functions that make an object of the class in one of their arguments, by its position. */
const MAKERS: Readonly<Record<string, number>> = {
  'copyreg._reconstructor': 0,
  'copyreg.__newobj__': 0,
  'numpy.core.multiarray._reconstruct': 0,
  'numpy._core.multiarray._reconstruct': 0,
  'torch._utils._rebuild_wrapper_subclass': 0,
  'torch.tensor._rebuild_from_type': 1,
  'torch._tensor._rebuild_from_type': 1,
  'torch._tensor._rebuild_from_type_v2': 1,
};

/** PyTorch's functions that make tensors. */
const REBUILD = /^torch\.(?:_utils|_tensor|tensor)\._rebuild_/;

/** What a module has in its state, whatever its class. */
const MODULE_STATE = ['_parameters', '_modules'];

/** Collects what a file holds besides tensors, numbers and texts, by what it is. */
export class OpaqueCollection {
  readonly #sorts = new Map<string, { places: string[]; count: number; kind: OpaqueKind }>();

  add(what: string, place: string, kind: OpaqueKind = 'other'): void {
    const sort = this.#sorts.get(what) ?? { places: [], count: 0, kind };
    this.#sorts.set(what, sort);
    sort.count++;
    if (sort.places.length < MAX_PLACES) sort.places.push(place);
  }

  values(): OpaqueValues[] {
    return [...this.#sorts].map(([what, sort]) => ({ what, ...sort }));
  }
}

/**
 * What a value is, as `module.class` or in words: for one that is neither a number, a text, a
 * collection of Python's own nor a tensor of plain numbers.
 */
export function whatIs(value: PickleValue): string {
  if (value instanceof Buffer) return 'bytes';
  if (value instanceof PickledStorage) return `storage of ${value.type.name}`;
  if (value instanceof PickledTensor) return `tensor of ${value.type.name}`;
  return shortened(classOf(value).replace(/^builtins\./, ''));
}

/** Which kind of opaque value a value is. */
export function kindOf(value: PickleValue): OpaqueKind {
  if (value instanceof PickledTensor) return 'tensor';
  if (!(value instanceof PickledObject)) return 'other';
  const { state, callable } = value;
  if (state instanceof Map && MODULE_STATE.every((name) => state.has(name))) return 'module';
  return callable instanceof PickleGlobal && REBUILD.test(callable.name) ? 'tensor' : 'other';
}

/** The name of a value as a key of a dictionary, or of a part of such a key. */
export function nameOf(key: PickleValue): string {
  if (typeof key === 'string') return key;
  if (key === null) return 'None';
  if (typeof key === 'boolean') return key ? 'True' : 'False';
  if (typeof key !== 'object') return String(key);
  if (key instanceof Buffer) return key.toString('latin1', 0, MAX_SPELLED);
  if (key instanceof PickleTuple) return tupleName(key.items);
  return whatIs(key);
}

function tupleName(items: readonly PickleValue[]): string {
  const names = items.slice(0, MAX_SPELLED).map(partName);
  return `(${names.join(', ')}${items.length > MAX_SPELLED ? ', …' : ''})`;
}

/** A part of a key: tuples in tuples are not spelled out, because they may hold each other. */
function partName(part: PickleValue): string {
  return part instanceof PickleTuple ? '(…)' : nameOf(part);
}

function classOf(value: PickleValue): string {
  if (value instanceof PickleGlobal) return value.name;
  const callable = value instanceof PickledObject ? value.callable : undefined;
  if (!(callable instanceof PickleGlobal)) return 'object';
  const { name } = callable;
  if (Object.hasOwn(MADE_BY, name)) return MADE_BY[name] as string;
  const position = Object.hasOwn(MAKERS, name) ? (MAKERS[name] as number) : -1;
  const made = (value as PickledObject).args[position];
  return made instanceof PickleGlobal ? made.name : name;
}
