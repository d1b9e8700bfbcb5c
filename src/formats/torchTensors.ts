import { FormatError, quoted } from './formatError.js';
import {
  PickledObject,
  PickledStorage,
  PickledTensor,
  PickleGlobal,
  PickleTuple,
  type PickleValue,
} from './pickleValue.js';
import { MAX_DIMENSIONS } from './tensorFile.js';
import { type ElementType, elementType, storageType } from './torchTypes.js';

/** Classes whose objects once got their storage as a state, and not by a function. */
const OLD_TENSOR = /^torch\.(?:\w+\.)?\w*Tensor$|^torch\.nn\.parameter\.Parameter$/;

const OLD_PARAMETER = /^torch\.nn\.parameter\.Parameter$/;

type Arguments = readonly PickleValue[];

/**
 * The storage that a persistent id stands for: `('storage', class, key, device, elements)`, followed
 * in the old format by None or, until 2018, by the part of it that is meant: `(key, first element,
 * elements)`.
 */
export function findStorage(id: PickleValue): PickledStorage {
  const items = id instanceof PickleTuple ? id.items : [];
  const [kind, storageClass, key, device, elements, view = null] = items;
  const isStorage = kind === 'storage' && storageClass instanceof PickleGlobal && items.length <= 6;
  if (!isStorage || typeof key !== 'string' || typeof device !== 'string') {
    throw new FormatError('its pickle refers to something else than a storage');
  }
  const type = storageType(storageClass.name);
  if (type === undefined) throw unknownStorage(storageClass.name);
  const start = view instanceof PickleTuple ? natural(view.items[1], 'offset') : 0;
  return new PickledStorage(type, key, natural(elements, 'number of elements'), start);
}

/** `(storage, offset, shape, strides, requires_grad, backward_hooks, metadata)` */
export function rebuildTensor(args: Arguments): PickledTensor | undefined {
  const [storage, offset, shape, strides, , , metadata] = args;
  return changesElements(metadata) ? undefined : view({ storage, offset, shape, strides });
}

/** `(storage, offset, shape, strides, requires_grad, backward_hooks, dtype, metadata)` */
export function rebuildUntypedTensor(args: Arguments): PickledTensor | undefined {
  const [storage, offset, shape, strides, , , dtype, metadata] = args;
  if (!(dtype instanceof PickleGlobal) || changesElements(metadata)) return undefined;
  const type = elementType(dtype.name) ?? { name: dtype.name, bytes: 1, dtype: undefined };
  return view({ storage, offset, shape, strides }, type);
}

/** `(tensor, requires_grad, backward_hooks, attributes)` */
export function rebuildParameter([data, , , state]: Arguments): PickledTensor | undefined {
  return rebuildFromType(data, state);
}

/** `(tensor, dtype, device, requires_grad)`: of devices whose tensors have no storages. */
export function rebuildCopy([data, dtype]: Arguments): PickledTensor | undefined {
  const tensor = tensorOf(data);
  const isSame = dtype instanceof PickleGlobal && dtype.name === tensor?.type.name;
  return isSame ? tensor : undefined;
}

/** A tensor that gets another class, and attributes as its state says. */
export function rebuildFromType(
  data: PickleValue | undefined,
  state: PickleValue | undefined = null,
): PickledTensor | undefined {
  const tensor = tensorOf(data);
  if (tensor === undefined || isEmpty(state)) return tensor;
  const { type, storage, firstElement, shape, strides } = tensor;
  return new PickledTensor(type, storage, firstElement, shape, strides, true);
}

/**
 * The tensor that a value is: as it is made today, or as until 2017 by an object with a state,
 * `(storage, offset, shape, strides)` of a tensor and `(tensor, …)`, five items, of a parameter.
 */
export function tensorOf(value: PickleValue | undefined): PickledTensor | undefined {
  const [data, , , , last] = stateOf(value, OLD_PARAMETER);
  return last === undefined ? plainTensorOf(value) : plainTensorOf(data);
}

function plainTensorOf(value: PickleValue | undefined): PickledTensor | undefined {
  if (value instanceof PickledTensor) return value;
  const [storage, offset, shape, strides] = stateOf(value, OLD_TENSOR);
  return storage instanceof PickledStorage ? view({ storage, offset, shape, strides }) : undefined;
}

/** The items of an old object's state; none where the value is no object of that class. */
function stateOf(value: PickleValue | undefined, className: RegExp): Arguments {
  if (!(value instanceof PickledObject) || !(value.state instanceof PickleTuple)) return [];
  const { callable, state } = value;
  return callable instanceof PickleGlobal && className.test(callable.name) ? state.items : [];
}

interface View {
  readonly storage: PickleValue | undefined;
  readonly offset: PickleValue | undefined;
  readonly shape: PickleValue | undefined;
  readonly strides: PickleValue | undefined;
}

function view({ storage, offset, shape, strides }: View, type?: ElementType): PickledTensor {
  if (!(storage instanceof PickledStorage)) {
    throw new FormatError('its pickle has a tensor without a storage');
  }
  return new PickledTensor(
    type ?? storage.type,
    storage,
    storage.firstElement + natural(offset, 'offset'),
    naturals(shape, 'shape'),
    naturals(strides, 'strides'),
  );
}

/** Whether the elements are to be negated or conjugated, which nothing here does. */
function changesElements(metadata: PickleValue | undefined): boolean {
  return metadata instanceof Map && (metadata.get('neg') === true || metadata.get('conj') === true);
}

function isEmpty(state: PickleValue): boolean {
  return state === null || (state instanceof Map && state.size === 0);
}

/** A tuple of natural numbers, or a `torch.Size` of one. */
function naturals(value: PickleValue | undefined, what: string): number[] {
  const tuple = value instanceof PickledObject ? value.args[0] : value;
  const items = tuple instanceof PickleTuple ? tuple.items : undefined;
  if (items === undefined || items.length > MAX_DIMENSIONS) {
    const expected = `a tuple of at most ${MAX_DIMENSIONS} integers`;
    throw new FormatError(`its pickle has a tensor whose ${what} is not ${expected}`);
  }
  return items.map((item) => natural(item, what));
}

function natural(value: PickleValue | undefined, what: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  const given =
    typeof value === 'number' || typeof value === 'bigint' ? `${value}` : 'not a number';
  throw new FormatError(`its pickle has a tensor whose ${what} is ${given.slice(0, 40)}`);
}

function unknownStorage(name: string): FormatError {
  const message = `its pickle refers to a storage of the class ${quoted(name)}, which is not known`;
  return new FormatError(message, 'Save it again with a current PyTorch.');
}
