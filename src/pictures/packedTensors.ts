import type { FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import type { PackedTensor } from './packedHeader.js';
import { pictureBytes } from './packedMeta.js';
import { writeAll } from './positioned.js';
import { type BrokenFile, HASH_BYTES } from './source.js';
import type { Tally } from './tally.js';

/** The pixels, which are in the file already. */
export interface WrittenPixels {
  readonly side: number;
  /** Of all of them, and of each block. */
  readonly crc32: number;
  readonly blocks: readonly number[];
}

interface Lists {
  readonly broken: readonly BrokenFile[];
  readonly classes: readonly string[];
}

/** What readers expect of where numbers of four bytes lie. */
const ALIGNMENT = 4;

/**
 * All tensors of a packed file, in the order of their bytes.
 * @param offset of the first byte of the pixels in the file
 */
export function packedTensors(
  { side, crc32: checksum, blocks }: WrittenPixels,
  tally: Tally,
  { broken, classes }: Lists,
  offset: number,
): PackedTensor[] {
  const { count, hashes, sizes, labels, splits } = tally;
  const shape = [count, side, side, 3];
  const bytes = count * pictureBytes(side);
  const padding = (ALIGNMENT - ((offset + bytes) % ALIGNMENT)) % ALIGNMENT;
  return [
    { name: 'pixels', dtype: 'U8', shape, bytes, crc32: checksum },
    ...(padding > 0 ? [tensor('padding', 'U8', new Uint8Array(padding))] : []),
    tensor('checksums', 'U32', Uint32Array.from(blocks)),
    tensor('labels', 'I32', labels),
    tensor('sizes', 'I32', sizes, [count, 2]),
    tensor('split', 'U8', splits),
    tensor('hashes', 'U8', hashes, [count, HASH_BYTES]),
    tensor('names', 'U8', json(tally.names())),
    tensor('broken', 'U8', json(broken)),
    tensor('classes', 'U8', json(classes)),
  ];
}

/** Writes all tensors behind the pixels, and ends the file after them. */
export async function writeTensors(
  file: FileHandle,
  tensors: readonly PackedTensor[],
  offset: number,
): Promise<void> {
  let at = offset;
  for (const { content, bytes } of tensors) {
    if (content !== undefined) await writeAll(file, content, at);
    at += bytes;
  }
  await file.truncate(at);
}

function tensor(
  name: string,
  dtype: PackedTensor['dtype'],
  values: Uint8Array | Int32Array | Uint32Array,
  shape: readonly number[] = [values.length],
): PackedTensor {
  const content = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  return { name, dtype, shape, bytes: content.length, crc32: crc32(content), content };
}

function json(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}
