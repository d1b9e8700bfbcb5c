import { FormatError, quoted } from './formatError.js';
import {
  PickleCallable,
  PickledStorage,
  PickledTensor,
  PickleTuple,
  type PickleValue,
  StorageType,
} from './pickleValue.js';
import { MAX_DIMENSIONS } from './tensorFile.js';

const SAVE_STATE_DICT =
  'In Python, save what is needed alone: torch.save(model.state_dict(), "model.pth")';

/** Every class and function that a pickle may name, and what stands for it here. */
const GLOBALS = new Map<string, PickleCallable | StorageType>([
  ['collections.OrderedDict', new PickleCallable(emptyDict)],
  ['torch._utils._rebuild_tensor_v2', new PickleCallable(rebuildTensor)],
  ['torch._utils._rebuild_parameter', new PickleCallable(rebuildParameter)],
  ['torch.DoubleStorage', new StorageType('F64')],
  ['torch.FloatStorage', new StorageType('F32')],
  ['torch.HalfStorage', new StorageType('F16')],
  ['torch.BFloat16Storage', new StorageType('BF16')],
  ['torch.LongStorage', new StorageType('I64')],
  ['torch.IntStorage', new StorageType('I32')],
  ['torch.ShortStorage', new StorageType('I16')],
  ['torch.CharStorage', new StorageType('I8')],
  ['torch.ByteStorage', new StorageType('U8')],
  ['torch.BoolStorage', new StorageType('BOOL')],
]);

/** What a pickle's `module.name` stands for. @throws FormatError for a name that is not known */
export function findGlobal(name: string): PickleCallable | StorageType {
  const found = GLOBALS.get(name);
  if (found !== undefined) return found;
  const message = `its pickle names ${quoted(name)}, which no state dict needs (nothing of it was run)`;
  throw new FormatError(message, `${SAVE_STATE_DICT}.`);
}

/**
 * The storage that a persistent id stands for: `('storage', type, key, device, elements)`, followed
 * in the old format by the place in another storage, or None.
 */
export function findStorage(id: PickleValue): PickledStorage {
  const items = id instanceof PickleTuple ? id.items : [];
  const [kind, type, key, device, elements, view = null] = items;
  const isStorage = kind === 'storage' && type instanceof StorageType && items.length <= 6;
  if (!isStorage || typeof key !== 'string' || typeof device !== 'string') {
    throw new FormatError('its pickle refers to something else than a storage');
  }
  if (view !== null) {
    const hint = `${SAVE_STATE_DICT} with a current PyTorch.`;
    throw new FormatError('it has storages within storages, as PyTorch wrote until 2018', hint);
  }
  return new PickledStorage(type.dtype, key, natural(elements, 'number of elements'));
}

function emptyDict(args: readonly PickleValue[]): PickleValue {
  if (args.length > 0) throw new FormatError('its pickle has an OrderedDict with arguments');
  return new Map();
}

/** `(storage, offset, shape, strides, requires_grad, backward_hooks)` */
function rebuildTensor(args: readonly PickleValue[]): PickledTensor {
  const [storage, offset, shape, strides] = args;
  if (!(storage instanceof PickledStorage) || args.length !== 6) {
    throw new FormatError('its pickle has a tensor without a storage, or with unknown parts');
  }
  return new PickledTensor(
    storage,
    natural(offset, 'offset'),
    naturals(shape, 'shape'),
    naturals(strides, 'strides'),
  );
}

/** `(tensor, requires_grad, backward_hooks)` */
function rebuildParameter(args: readonly PickleValue[]): PickledTensor {
  const [tensor] = args;
  if (tensor instanceof PickledTensor && args.length === 3) return tensor;
  throw new FormatError('its pickle has a parameter that is not a tensor');
}

function naturals(value: PickleValue | undefined, what: string): number[] {
  const items = value instanceof PickleTuple ? value.items : undefined;
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
