import { crc32 } from 'node:zlib';
import { checksumDigits } from '../disk/checksumDigits.js';
import type { Dtype } from './dtype.js';
import { METADATA } from './safetensorsHeader.js';

/** A tensor of a file that is written, in the order of its bytes. */
export interface WrittenTensor {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly bytes: number;
  readonly crc32: number;
  /** Its bytes; undefined for what is in the file already. */
  readonly content?: Uint8Array;
}

/** Bytes in front of a header: its length. */
export const LENGTH_BYTES = 8;

/** What the description of tensors and of how the file was made takes, apart from `texts`. */
const USUAL_BYTES = 2 ** 15;

const PAGE = 4096;

const ZEROS = '0'.repeat(8);

/** What readers expect of where numbers of four bytes lie. */
const ALIGNMENT = 4;

/**
 * Bytes in front of the first tensor, which are settled before the header can be written: room for
 * what is known of it, and then to a whole page.
 * @param text what the header holds that may be long
 */
export function reservedBytes(text: string): number {
  const most = 2 * Buffer.byteLength(JSON.stringify(text));
  return PAGE * Math.ceil((LENGTH_BYTES + USUAL_BYTES + most) / PAGE);
}

/**
 * The header of a file that moco writes, which is one of safetensors with the checksums that
 * `mocoChecksums` verifies; it is padded with spaces.
 * @param texts of its metadata: `format`, which begins with `moco-`, and others
 * @param reserved bytes that it takes, with its length in front
 */
export function mocoHeader(
  tensors: readonly WrittenTensor[],
  texts: Readonly<Record<string, string>>,
  reserved: number,
): Buffer {
  const checksums = tensors.map(({ name, crc32 }) => [name, checksumDigits(crc32)]);
  const header: Record<string, unknown> = {
    [METADATA]: {
      header_crc32: ZEROS, // first: readers look for it there
      ...texts,
      checksums: JSON.stringify(Object.fromEntries(checksums)),
    },
  };
  let end = 0;
  for (const { name, dtype, shape, bytes } of tensors) {
    header[name] = { dtype, shape, data_offsets: [end, end + bytes] };
    end += bytes;
  }
  const json = Buffer.from(JSON.stringify(header));
  const bytes = Buffer.alloc(reserved, ' ');
  if (json.length > reserved - LENGTH_BYTES) throw new Error(`the header has ${json.length} bytes`);
  bytes.writeBigUInt64LE(BigInt(reserved - LENGTH_BYTES));
  json.copy(bytes, LENGTH_BYTES);
  const digits = checksumDigits(crc32(bytes.subarray(LENGTH_BYTES)));
  bytes.write(digits, bytes.indexOf(ZEROS, LENGTH_BYTES));
  return bytes;
}

/** A tensor that is in memory. */
export function writtenTensor(
  name: string,
  dtype: Dtype,
  values: Uint8Array | Int32Array | Uint32Array,
  shape: readonly number[] = [values.length],
): WrittenTensor {
  const content = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  return { name, dtype, shape, bytes: content.length, crc32: crc32(content), content };
}

/** A value as JSON in a tensor of bytes. */
export function jsonTensor(name: string, value: unknown): WrittenTensor {
  return writtenTensor(name, 'U8', Buffer.from(JSON.stringify(value)));
}

/**
 * What follows a tensor so that numbers of four bytes lie where readers expect them.
 * @param end of the tensor in the file
 */
export function padding(end: number): readonly WrittenTensor[] {
  const bytes = (ALIGNMENT - (end % ALIGNMENT)) % ALIGNMENT;
  return bytes > 0 ? [writtenTensor('padding', 'U8', new Uint8Array(bytes))] : [];
}
