import type { Dtype } from './dtype.js';
import { FormatError, quoted } from './formatError.js';
import type { InputFile } from './inputFile.js';
import { otherArchive, unknownArchive } from './otherFormats.js';
import { readPickle } from './pickle.js';
import { contentOf, type PickledContent } from './pickledContent.js';
import type { PickledStorage } from './pickleValue.js';
import type { StoredTensor, TensorFileContent } from './tensorFile.js';
import { numberBytes } from './torchTypes.js';
import { readZipRecord, readZipRecords, requirePlain, type ZipRecord } from './zipArchive.js';

/** The largest pickle that is read; that of a ResNet-50 has 50 kB. */
export const MAX_PICKLE_BYTES = 1 << 26;

const MAX_TEXT_BYTES = 1 << 20;

/** The record in which moco describes the model in a file of its own; Python ignores it. */
export const DESCRIPTION_RECORD = 'moco.json';

/**
 * Reads the index of a file of `torch.save`: a zip archive with a pickle that describes the tensors
 * (`data.pkl`) and a record for every storage (`data/0` …).
 * @throws FormatError
 */
export async function readPth(file: InputFile): Promise<TensorFileContent> {
  const records = await readZipRecords(file);
  const folder = folderOf(records);
  const find = (name: string) => records.get(`${folder}/${name}`);
  const bigEndian = await isBigEndian(file, find('byteorder'));
  const pickled = await readZipRecord(file, find('data.pkl') as ZipRecord, MAX_PICKLE_BYTES);
  const content = contentOf(readPickle(pickled).value);
  return {
    tensors: storedTensors(content, (storage) =>
      locate(storage, find(`data/${storage.key}`), bigEndian),
    ),
    scalars: content.scalars,
    opaque: content.opaque,
    metadata: await readDescription(file, find(DESCRIPTION_RECORD)),
  };
}

/** Pickled tensors with the places of their storages. */
export function storedTensors(
  { tensors }: PickledContent,
  place: (storage: PickledStorage) => StoredTensor['storage'],
): StoredTensor[] {
  const places = new Map<string, StoredTensor['storage']>();
  return tensors.map(([name, { type, storage, firstElement, shape, strides }]) => {
    const found = places.get(storage.key) ?? place(storage);
    places.set(storage.key, found);
    const dtype = type.dtype as Dtype; // those without one are opaque
    return { name, dtype, shape, strides, firstElement, storage: found };
  });
}

/** The folder in the archive that holds everything. */
function folderOf(records: ReadonlyMap<string, ZipRecord>): string {
  const names = [...records.keys()];
  const other = otherArchive(names);
  if (other !== undefined) throw other;
  const [folder, ...others] = names.flatMap((name) => /^([^/]+)\/data\.pkl$/.exec(name)?.[1] ?? []);
  if (folder === undefined || others.length > 0) throw unknownArchive(names);
  return folder;
}

/** Files from before PyTorch 2.1 have no such record; they are little-endian. */
async function isBigEndian(file: InputFile, record: ZipRecord | undefined): Promise<boolean> {
  if (record === undefined) return false;
  const order = (await readZipRecord(file, record, MAX_TEXT_BYTES)).toString('latin1');
  if (order === 'little' || order === 'big') return order === 'big';
  throw new FormatError(`its byte order is ${quoted(order)}, expected "little" or "big"`);
}

async function readDescription(
  file: InputFile,
  record: ZipRecord | undefined,
): Promise<Map<string, string>> {
  if (record === undefined) return new Map();
  const text = (await readZipRecord(file, record, MAX_TEXT_BYTES)).toString('utf8');
  return new Map([[DESCRIPTION_RECORD, text]]);
}

function locate(
  { key, type, elements }: PickledStorage,
  record: ZipRecord | undefined,
  bigEndian: boolean,
): StoredTensor['storage'] {
  const bytes = elements * type.bytes;
  if (record?.bytes !== bytes) {
    const found =
      record === undefined ? 'is missing' : `has ${record.bytes} bytes, expected ${bytes}`;
    throw new FormatError(`its storage ${quoted(key)} ${found}`);
  }
  requirePlain(record);
  const place = { offset: record.offset, bytes, crc32: record.crc32 };
  return bigEndian ? { ...place, bigEndian: numberBytes(type) } : place;
}
