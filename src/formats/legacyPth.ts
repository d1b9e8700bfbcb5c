import { FormatError } from './formatError.js';
import type { InputFile } from './inputFile.js';
import { type Pickle, readPickle } from './pickle.js';
import { contentOf } from './pickledContent.js';
import type { PickledStorage } from './pickleValue.js';
import { MAX_PICKLE_BYTES, storedTensors } from './pth.js';
import type { StoredTensor, TensorFileContent } from './tensorFile.js';

/** The first pickle of a file that torch.save wrote before PyTorch 1.6. */
const MAGIC_NUMBER = 0x1950a86a20f9469cfc6cn;

const FORMAT_VERSION = 1001;

/** Bytes in front of a storage: the number of its elements. */
const COUNT_BYTES = 8;

type Places = Map<string, StoredTensor['storage']>;

/**
 * Reads the index of a file in torch.save's old format: five pickles (magic number, version, system,
 * content, keys of the storages), and then the storages, in the order of the keys. All systems wrote
 * numbers with their least significant byte first. What comes after the storages is another file.
 * @throws FormatError
 */
export async function readLegacyPth(file: InputFile): Promise<TensorFileContent> {
  const head = await file.read(0, Math.min(file.size, MAX_PICKLE_BYTES));
  const magic = readPickle(head);
  if (magic.value !== MAGIC_NUMBER) {
    const hint = 'Load it in Python and save its tensors: torch.save(state_dict, "model.pth").';
    throw new FormatError('it is a Python pickle, but not one of torch.save', hint);
  }
  const version = readPickle(head, { start: magic.end });
  if (version.value !== FORMAT_VERSION) {
    throw new FormatError(`its format version is not ${FORMAT_VERSION}`);
  }
  const system = readPickle(head, { start: version.end });
  const pickle = readPickle(head, { start: system.end });
  const keys = readPickle(head, { start: pickle.end });
  const content = contentOf(pickle.value);
  const places = await locateStorages(file, keys, pickle.storages);
  return {
    // Every storage that the pickle refers to has a place.
    tensors: storedTensors(content, ({ key }) => places.get(key) as StoredTensor['storage']),
    scalars: content.scalars,
    opaque: content.opaque,
    metadata: new Map(),
  };
}

async function locateStorages(
  file: InputFile,
  keys: Pickle,
  storages: ReadonlyMap<string, PickledStorage>,
): Promise<Places> {
  const places: Places = new Map();
  let offset = keys.end;
  for (const key of Array.isArray(keys.value) ? keys.value : []) {
    const storage = typeof key === 'string' ? storages.get(key) : undefined;
    if (storage === undefined || places.has(storage.key)) {
      throw new FormatError('its list of storages does not fit its tensors');
    }
    const place = await locate(file, offset, storage);
    places.set(storage.key, place);
    offset = place.offset + place.bytes;
  }
  if (places.size < storages.size) {
    throw new FormatError(`it lacks ${storages.size - places.size} of ${storages.size} storages`);
  }
  return places;
}

async function locate(
  file: InputFile,
  start: number,
  { type, elements }: PickledStorage,
): Promise<StoredTensor['storage']> {
  const count = (await file.read(start, COUNT_BYTES)).readBigInt64LE();
  const offset = start + COUNT_BYTES;
  const bytes = elements * type.bytes;
  if (count !== BigInt(elements) || offset + bytes > file.size) {
    const message = `its storage at byte ${start} should have ${elements} elements, and does not`;
    throw new FormatError(message);
  }
  return { offset, bytes, crc32: undefined };
}
