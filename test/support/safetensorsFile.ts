import { truncate, writeFile } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import type { Layout } from '#moco/model/backboneLayout.js';

/** The bytes of a safetensors file. @param header a text, or a value that becomes JSON */
export function safetensors(header: unknown, data = Buffer.alloc(0)): Buffer {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, data]);
}

/** The header of a file that moco wrote, with its own checksum. */
export function mocoHeader(
  texts: Record<string, string>,
  tensors: object,
  change: (metadata: Record<string, string>) => void = () => {},
): string {
  const metadata: Record<string, string> = { header_crc32: '00000000', ...texts };
  change(metadata);
  const text = JSON.stringify({ __metadata__: metadata, ...tensors });
  return text.replace('00000000', hex(crc32(text)));
}

/** A CRC-32 as moco writes it. */
export function hex(checksum: number): string {
  return checksum.toString(16).padStart(8, '0');
}

/**
 * Writes tensors of zeros, fp32 but for BatchNorm's counters, which take no space on the disk.
 * @param headerOf  makes the header of the tensors' entries
 */
export async function writeZeros(
  path: string,
  layout: Layout,
  headerOf: (tensors: Record<string, unknown>) => unknown = (tensors) => tensors,
): Promise<void> {
  const tensors: Record<string, unknown> = {};
  let end = 0;
  for (const { name, shape } of layout) {
    const begin = end;
    const [dtype, bytes] = name.endsWith('.num_batches_tracked') ? ['I64', 8] : ['F32', 4];
    end += bytes * shape.reduce((product, size) => product * size, 1);
    tensors[name] = { dtype, shape, data_offsets: [begin, end] };
  }
  const header = safetensors(headerOf(tensors));
  await writeFile(path, header);
  await truncate(path, header.length + end);
}
