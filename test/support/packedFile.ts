import { crc32 } from 'node:zlib';
import { hex } from './safetensorsFile.js';

/** A packed file taken apart. */
export interface PackedParts {
  /** What the header says, less what `packedBytes` computes. */
  readonly texts: Record<string, string>;
  /** In the order of the file. */
  readonly tensors: { name: string; dtype: string; shape: unknown; bytes: Buffer }[];
}

/** Takes the bytes of a packed file apart. */
export function packedParts(content: Buffer): PackedParts {
  const start = 8 + Number(content.readBigUInt64LE());
  const { __metadata__, ...tensors } = JSON.parse(content.toString('utf8', 8, start));
  const { header_crc32: _, checksums: __, ...texts } = __metadata__;
  const entries = Object.entries(tensors as Record<string, Entry>);
  return {
    texts,
    tensors: entries.map(
      ([
        name,
        {
          dtype,
          shape,
          data_offsets: [from, to],
        },
      ]) => {
        const bytes = Buffer.from(content.subarray(start + from, start + to));
        return { name, dtype, shape, bytes };
      },
    ),
  };
}

/**
 * The bytes of a file of these parts, whose checksums are right whatever they hold.
 * @param change gets the header's text last, and its checksum is computed after that
 */
export function packedBytes(
  { texts, tensors }: PackedParts,
  change: (header: string) => string = (header) => header,
): Buffer {
  const checksums = Object.fromEntries(tensors.map(({ name, bytes }) => [name, hex(crc32(bytes))]));
  const metadata = { header_crc32: ZEROS, ...texts, checksums: JSON.stringify(checksums) };
  let end = 0;
  const entries = tensors.map(({ name, dtype, shape, bytes }) => {
    const from = end;
    end += bytes.length;
    return [name, { dtype, shape, data_offsets: [from, end] }];
  });
  const json = JSON.stringify({ __metadata__: metadata, ...Object.fromEntries(entries) });
  const header = Buffer.from(change(json));
  const at = header.indexOf(ZEROS);
  if (at >= 0) header.write(hex(crc32(header)), at);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, ...tensors.map(({ bytes }) => bytes)]);
}

interface Entry {
  readonly dtype: string;
  readonly shape: unknown;
  readonly data_offsets: readonly [number, number];
}

const ZEROS = '00000000';
