import { crc32 } from 'node:zlib';
import type { Dtype } from '../formats/dtype.js';
import { METADATA } from '../formats/safetensorsHeader.js';
import { PACKED_FORMAT, type PackedMeta } from './packedMeta.js';

/** A tensor of a packed file, in the order of its bytes. */
export interface PackedTensor {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly bytes: number;
  readonly crc32: number;
  /** Its bytes; undefined for the pixels, which are in the file already. */
  readonly content?: Uint8Array;
}

/** Bytes in front of a header: its length. */
export const LENGTH_BYTES = 8;

/** What the description of tensors and of how the file was made takes, apart from paths. */
const USUAL_BYTES = 2 ** 15;

const PAGE = 4096;

const ZEROS = '0'.repeat(8);

/**
 * Bytes in front of the pixels, which are settled before the header can be written: room for what
 * is known of it, and then to a whole page.
 */
export function reservedBytes(sources: readonly string[]): number {
  const paths = 2 * Buffer.byteLength(JSON.stringify(JSON.stringify(sources)));
  return PAGE * Math.ceil((LENGTH_BYTES + USUAL_BYTES + paths) / PAGE);
}

/**
 * The header of a packed file, which is one of safetensors with the checksums that `mocoChecksums`
 * verifies; it is padded with spaces.
 * @param reserved bytes that it takes, with its length in front
 */
export function packedHeader(
  tensors: readonly PackedTensor[],
  meta: PackedMeta,
  reserved: number,
): Buffer {
  const checksums = tensors.map(({ name, crc32 }) => [name, hex(crc32)]);
  const header: Record<string, unknown> = {
    [METADATA]: {
      header_crc32: ZEROS, // first: readers look for it there
      format: PACKED_FORMAT,
      made: JSON.stringify(meta),
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
  const digits = hex(crc32(bytes.subarray(LENGTH_BYTES)));
  bytes.write(digits, bytes.indexOf(ZEROS, LENGTH_BYTES));
  return bytes;
}

/** Eight digits. */
export function hex(checksum: number): string {
  return checksum.toString(16).padStart(8, '0');
}
