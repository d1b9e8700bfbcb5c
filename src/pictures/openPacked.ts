import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { z } from 'zod';
import { MocoError } from '../error.js';
import type { Dtype } from '../formats/dtype.js';
import { FormatError, quoted } from '../formats/formatError.js';
import { type InputFile, withInputFile } from '../formats/inputFile.js';
import { readTensorFile } from '../formats/readTensorFile.js';
import type { StoredTensor } from '../formats/tensorFile.js';
import { LENGTH_BYTES } from './packedHeader.js';
import { PACKED_FORMAT, type PackedMeta, packedMetaSchema } from './packedMeta.js';
import { type BrokenFile, HASH_BYTES, NO_LABEL, SPLITS } from './source.js';

/** A packed file whose header and small tensors were read and compared with their checksums. */
export interface PackedPictures {
  readonly path: string;
  /** Where the pixels lie: `count` × `side` × `side` × 3 bytes from `offset` on. */
  readonly pixels: { readonly offset: number; readonly count: number; readonly side: number };
  /** CRC-32 of each block of `meta.block` pictures. */
  readonly checksums: Uint32Array;
  /** One per picture: an index into `classes`, or −1. */
  readonly labels: Int32Array;
  /** One per picture: 0 training, 1 validation, 2 test. */
  readonly splits: Uint8Array;
  readonly classes: readonly string[];
  /** 16 bytes per picture: the first of its file's SHA-256. */
  readonly hashes: Uint8Array;
  /** Two per picture: width and height in its file. */
  readonly sizes: Int32Array;
  /** The names of the pictures' files, read when they are asked for. */
  readonly names: () => Promise<string[]>;
  readonly broken: readonly BrokenFile[];
  readonly meta: PackedMeta;
  /** Of the content: same pictures, labels and splits give the same, wherever and whenever packed. */
  readonly fingerprint: string;
}

const NO_PACK = 'it is no packed file of pictures';

const HINT = 'The file is damaged, or something else: pack the folder again with `moco data pack`.';

const BRACE = 0x7b;

const strings = z.array(z.string());
const brokenSchema = z.array(z.object({ name: z.string(), reason: z.string() }));

/**
 * Opens a packed file: everything but the pixels is read, verified and checked.
 * @throws MocoError `ERR_MOCO_DATA` for a file that is none, or is damaged
 */
export async function openPacked(path: string): Promise<PackedPictures> {
  return await asData(async () => {
    const { meta, tensors } = await packedIndex(path);
    return await withInputFile(path, async (file) => {
      const { pixels, ...small } = await readTensors(file, meta, tensors);
      return { path, pixels, meta, ...small };
    });
  });
}

/** How a packed file was made, and where its tensors lie. @throws MocoError as `readTensorFile` */
async function packedIndex(
  path: string,
): Promise<{ readonly meta: PackedMeta; readonly tensors: ReadonlyMap<string, StoredTensor> }> {
  await withInputFile(path, requireHeader);
  const { metadata, tensors } = await readTensorFile(path);
  return await withInputFile(path, async () => ({
    meta: metaOf(metadata),
    tensors: new Map(tensors.map((tensor) => [tensor.name, tensor])),
  }));
}

/** Makes sure that a file begins as a packed file does: with a length, and a header of JSON. */
async function requireHeader(file: InputFile): Promise<void> {
  const start = await file.read(0, Math.min(file.size, LENGTH_BYTES + 1));
  if (start[LENGTH_BYTES] !== BRACE) throw new FormatError(NO_PACK, HINT);
}

/** Turns errors about files of tensors into such about data. */
export async function asData<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof MocoError) || error.code !== 'ERR_MOCO_CHECKPOINT') throw error;
    throw new MocoError('ERR_MOCO_DATA', error.message, { hint: HINT, cause: error });
  }
}

function metaOf(metadata: ReadonlyMap<string, string>): PackedMeta {
  if (metadata.get('format') !== PACKED_FORMAT) {
    throw new FormatError(NO_PACK, HINT);
  }
  const { success, data, error } = packedMetaSchema.safeParse(parsed(metadata.get('made') ?? ''));
  if (success) return data;
  const [issue] = error.issues;
  throw new FormatError(`its header is wrong: ${issue?.path.join('.')}: ${issue?.message}`, HINT);
}

async function readTensors(
  file: InputFile,
  meta: PackedMeta,
  tensors: ReadonlyMap<string, StoredTensor>,
) {
  const { storedSize: side, block } = meta;
  const pixels = requireTensor(tensors, 'pixels', 'U8', [-1, side, side, 3]);
  const [count = 0] = pixels.shape;
  if (count < 1) throw new FormatError('it has no pictures');
  const read = async (name: string, dtype: Dtype, shape: number[]) =>
    await readTensor(file, requireTensor(tensors, name, dtype, shape));
  const readJson = async <T extends z.ZodType>(name: string, schema: T) =>
    jsonOf(name, await read(name, 'U8', [-1]), schema);
  const checksums = wordsOf(await read('checksums', 'U32', [Math.ceil(count / block)]));
  const labels = new Int32Array(wordsOf(await read('labels', 'I32', [count])).buffer);
  const sizes = new Int32Array(wordsOf(await read('sizes', 'I32', [count, 2])).buffer);
  const splits: Uint8Array = await read('split', 'U8', [count]);
  const hashes: Uint8Array = await read('hashes', 'U8', [count, HASH_BYTES]);
  const broken = await readJson('broken', brokenSchema);
  const classes = await readJson('classes', strings);
  requireEvery(labels, (label) => label >= NO_LABEL && label < classes.length, 'label');
  requireEvery(splits, (split) => split < SPLITS.length, 'split');
  return {
    pixels: { offset: pixels.storage.offset, count, side },
    ...{ checksums, labels, sizes, splits, hashes, broken, classes },
    fingerprint: contentFingerprint(side, [labels, splits, hashes], classes),
    names: async () => await readNames(file.path, tensors, count),
  };
}

async function readNames(
  path: string,
  tensors: ReadonlyMap<string, StoredTensor>,
  count: number,
): Promise<string[]> {
  const read = async (file: InputFile) => {
    const bytes = await readTensor(file, requireTensor(tensors, 'names', 'U8', [-1]));
    const names = jsonOf('names', bytes, strings);
    if (names.length === count) return names;
    throw new FormatError(`it has ${count} pictures and ${names.length} names`);
  };
  return await asData(async () => await withInputFile(path, read));
}

/** @param shape −1 stands for any number */
function requireTensor(
  tensors: ReadonlyMap<string, StoredTensor>,
  name: string,
  dtype: Dtype,
  shape: readonly number[],
): StoredTensor {
  const tensor = tensors.get(name);
  if (tensor === undefined) throw new FormatError(`it has no tensor ${quoted(name)}`);
  const fits =
    tensor.dtype === dtype &&
    tensor.shape.length === shape.length &&
    shape.every((size, dimension) => size === -1 || size === tensor.shape[dimension]);
  if (fits) return tensor;
  const found = `${tensor.dtype} (${tensor.shape.join(', ')})`;
  throw new FormatError(`its tensor ${quoted(name)} is ${found}, which does not fit the others`);
}

async function readTensor(file: InputFile, { name, storage }: StoredTensor): Promise<Buffer> {
  const bytes = await file.read(storage.offset, storage.bytes);
  if (crc32(bytes) === storage.crc32) return bytes;
  throw new FormatError(`its tensor ${quoted(name)} is damaged: the checksum is wrong`);
}

/** A copy, since numbers of four bytes need not lie at such places in `bytes`. */
function wordsOf(bytes: Buffer): Uint32Array {
  return new Uint32Array(Uint8Array.from(bytes).buffer);
}

function jsonOf<T extends z.ZodType>(name: string, bytes: Buffer, schema: T): z.output<T> {
  const { success, data } = schema.safeParse(parsed(bytes.toString()));
  if (success) return data;
  throw new FormatError(`its tensor ${quoted(name)} does not hold what it should`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function requireEvery(
  values: Int32Array | Uint8Array,
  isRight: (value: number) => boolean,
  what: string,
): void {
  const wrong = values.findIndex((value: number) => !isRight(value));
  if (wrong < 0) return;
  throw new FormatError(`picture ${wrong} has the ${what} ${values[wrong]}, which there is not`);
}

/** The same for the same pictures, labels and splits. */
export function contentFingerprint(
  side: number,
  arrays: readonly NodeJS.ArrayBufferView[],
  classes: readonly string[],
): string {
  const hash = createHash('sha256').update(JSON.stringify([side, classes]));
  for (const array of arrays) hash.update(array);
  return hash.digest('hex').slice(0, 32);
}
