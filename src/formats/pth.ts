import type { Dtype } from './dtype.js';
import { FormatError, quoted } from './formatError.js';
import type { InputFile } from './inputFile.js';
import { readPickle } from './pickle.js';
import { contentOf, type PickledContent } from './pickledContent.js';
import type { PickledStorage } from './pickleValue.js';
import type { StoredTensor, TensorFileContent } from './tensorFile.js';
import { readZipRecord, readZipRecords, type ZipRecord } from './zipArchive.js';

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
  await requireLittleEndian(file, find('byteorder'));
  const pickled = await readZipRecord(file, find('data.pkl') as ZipRecord, MAX_PICKLE_BYTES);
  const content = contentOf(readPickle(pickled).value);
  return {
    tensors: storedTensors(content, (storage) => locate(storage, find(`data/${storage.key}`))),
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
  const folders = [...records.keys()].flatMap(
    (name) => /^([^/]+)\/data\.pkl$/.exec(name)?.[1] ?? [],
  );
  if (folders.length !== 1) {
    throw new FormatError('it is a zip archive, but not one of torch.save: it has no data.pkl');
  }
  const [folder] = folders as [string];
  if (!records.has(`${folder}/constants.pkl`)) return folder;
  const hint = 'Save the state dict: torch.save(torch.jit.load(path).state_dict(), "model.pth")';
  throw new FormatError('it holds a TorchScript program, not a state dict', hint);
}

/** Files from before PyTorch 2.1 have no such record; they are little-endian. */
async function requireLittleEndian(file: InputFile, record: ZipRecord | undefined): Promise<void> {
  if (record === undefined) return;
  const order = (await readZipRecord(file, record, MAX_TEXT_BYTES)).toString('latin1');
  if (order === 'little') return;
  const hint = 'Save it again with torch.save on a machine with an x86 or ARM processor.';
  throw new FormatError('its numbers have another byte order than little-endian', hint);
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
): StoredTensor['storage'] {
  const bytes = elements * type.bytes;
  if (record?.bytes === bytes) return { offset: record.offset, bytes, crc32: record.crc32 };
  const found =
    record === undefined ? 'is missing' : `has ${record.bytes} bytes, expected ${bytes}`;
  throw new FormatError(`its storage ${quoted(key)} ${found}`);
}
