import { createHash } from 'node:crypto';
import { z } from 'zod';
import { FormatError } from '../formats/formatError.js';
import { type FileKind, type MocoTensors, readMocoFile } from '../formats/mocoFile.js';
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

export const PACKED: FileKind<PackedMeta> = {
  format: PACKED_FORMAT,
  made: { key: 'made', schema: packedMetaSchema },
  otherwise: 'it is no packed file of pictures',
  hint: 'The file is damaged, or something else: pack the folder again with `moco data pack`.',
};

const strings = z.array(z.string());
const brokenSchema = z.array(z.object({ name: z.string(), reason: z.string() }));

/**
 * Opens a packed file: everything but the pixels is read, verified and checked.
 * @throws MocoError `ERR_MOCO_DATA` for a file that is none, or is damaged
 */
export async function openPacked(path: string): Promise<PackedPictures> {
  return await readMocoFile(path, PACKED, async (tensors, meta) => ({
    ...{ path, meta },
    ...(await readTensors(path, tensors, meta)),
  }));
}

async function readTensors(path: string, tensors: MocoTensors, meta: PackedMeta) {
  const { storedSize: side, block } = meta;
  const pixels = tensors.place('pixels', 'U8', [-1, side, side, 3]);
  const [count = 0] = pixels.shape;
  if (count < 1) throw new FormatError('it has no pictures');
  const checksums = await tensors.words('checksums', 'U32', [Math.ceil(count / block)]);
  const labels = new Int32Array((await tensors.words('labels', 'I32', [count])).buffer);
  const sizes = new Int32Array((await tensors.words('sizes', 'I32', [count, 2])).buffer);
  const splits: Uint8Array = await tensors.read('split', 'U8', [count]);
  const hashes: Uint8Array = await tensors.read('hashes', 'U8', [count, HASH_BYTES]);
  const broken = await tensors.json('broken', brokenSchema);
  const classes = await tensors.json('classes', strings);
  requireEvery(labels, (label) => label >= NO_LABEL && label < classes.length, 'label');
  requireEvery(splits, (split) => split < SPLITS.length, 'split');
  return {
    pixels: { offset: pixels.storage.offset, count, side },
    ...{ checksums, labels, sizes, splits, hashes, broken, classes },
    fingerprint: contentFingerprint(side, [labels, splits, hashes], classes),
    names: async () => await readNames(path, count),
  };
}

async function readNames(path: string, count: number): Promise<string[]> {
  return await readMocoFile(path, PACKED, async (tensors) => {
    const names = await tensors.json('names', strings);
    if (names.length === count) return names;
    throw new FormatError(`it has ${count} pictures and ${names.length} names`);
  });
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
