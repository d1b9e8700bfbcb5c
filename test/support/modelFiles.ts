import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { crc32 } from 'node:zlib';
import { ELEMENT_BYTES } from '#moco/formats/dtype.js';
import type { StoredTensor } from '#moco/formats/tensorFile.js';

/** A file that `test/formats/make_files.py` made. */
export function modelFile(name: string): string {
  return fileURLToPath(new URL(`../../../test/formats/${name}`, import.meta.url));
}

/** What Python says of one tensor. */
export interface ExpectedTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  /** CRC-32 of its elements in order, the last dimension varying fastest. */
  readonly crc32: number;
}

/** What Python says of every good file: tensors by name. */
export async function expectedTensors(): Promise<Record<string, Record<string, ExpectedTensor>>> {
  return JSON.parse(await readFile(modelFile('expected.json'), 'utf8'));
}

/** What is in a file that `test/formats/make_allowed_files.py` made. */
export interface ExpectedContent {
  /** The names of classes, functions and constants in its pickle. */
  readonly names: readonly string[];
  readonly tensors: Readonly<Record<string, ExpectedTensor>>;
  /** What else there is, by place. */
  readonly opaque: Readonly<Record<string, string>>;
}

/** What is in the files of `test/formats/allowed`, by the files' names. */
export async function expectedOfAllowed(): Promise<Record<string, ExpectedContent>> {
  return JSON.parse(await readFile(modelFile('allowed/expected.json'), 'utf8'));
}

/** What a reader of moco's says of the tensors in a file, in the same form as what Python says. */
export function describeTensors(
  tensors: readonly StoredTensor[],
  bytes: Buffer,
): Record<string, ExpectedTensor> {
  return Object.fromEntries(
    tensors.map((tensor) => {
      const { name, dtype, shape } = tensor;
      return [name, { dtype, shape, crc32: crc32(elementsOf(tensor, bytes)) }];
    }),
  );
}

function elementsOf({ dtype, shape, strides, firstElement, storage }: StoredTensor, file: Buffer) {
  const size = ELEMENT_BYTES[dtype];
  let places = [firstElement];
  for (const [dimension, count] of shape.entries()) {
    const stride = strides[dimension] as number;
    places = places.flatMap((at) => Array.from({ length: count }, (_, i) => at + i * stride));
  }
  const held = Buffer.from(file.subarray(storage.offset, storage.offset + storage.bytes));
  for (let at = 0; at < held.length; at += storage.bigEndian ?? held.length) {
    held.subarray(at, at + (storage.bigEndian ?? 0)).reverse();
  }
  return Buffer.concat(places.map((at) => held.subarray(at * size, (at + 1) * size)));
}

/** The bytes of a `.pth`'s `data.pkl`, which is the archive's first record. */
export function pickleOf(content: Buffer): Buffer {
  const start = 30 + content.readUInt16LE(26) + content.readUInt16LE(28);
  return content.subarray(start, content.indexOf('PK\x07\x08', start));
}
