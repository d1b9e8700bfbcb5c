import { crc32 } from 'node:zlib';
import { z } from 'zod';
import { FormatError, quoted } from './formatError.js';
import type { SafetensorsHeader } from './safetensorsHeader.js';

/**
 * How the header of a file that moco wrote begins, with the digits of the header's own checksum.
 */
const BEGINNING = /^\{\s*"__metadata__"\s*:\s*\{\s*"header_crc32"\s*:\s*"([0-9a-f]{8})"/;

const BEGINNING_BYTES = 200;

const DIGITS = 8;

/** Pairs and not a record, because zod's record passes over a tensor with the name `__proto__`. */
const checksumsSchema = z.array(z.tuple([z.string(), z.string().regex(/^[0-9a-f]{8}$/)]));

/**
 * The CRC-32 of every tensor's bytes, by the tensor's name; empty for a file that moco did not
 * write. Checks the header's own CRC-32, too, which is computed with zeros in place of its eight
 * digits.
 * @throws FormatError where the header is damaged
 */
export function mocoChecksums(
  header: Buffer,
  { metadata, tensors }: SafetensorsHeader,
): Map<string, number> {
  const isOurs = metadata.get('format')?.startsWith('moco-') || metadata.has('header_crc32');
  if (!isOurs) return new Map();
  requireIntact(header);
  const checksums = parseChecksums(metadata.get('checksums'));
  for (const name of tensors.keys()) {
    if (!checksums.has(name)) throw new FormatError(`tensor ${quoted(name)} has no checksum`);
  }
  return checksums;
}

function requireIntact(header: Buffer): void {
  const found = BEGINNING.exec(header.toString('latin1', 0, BEGINNING_BYTES));
  if (found === null) throw new FormatError('its header does not begin with its checksum');
  const [{ length }, digits] = found as unknown as [string, string];
  const at = length - 1 - DIGITS;
  const before = crc32(header.subarray(0, at));
  const zeroed = crc32('0'.repeat(DIGITS), before);
  if (crc32(header.subarray(at + DIGITS), zeroed) === Number.parseInt(digits, 16)) return;
  throw new FormatError('its header is damaged: the checksum is wrong');
}

function parseChecksums(text = ''): Map<string, number> {
  try {
    const checksums = checksumsSchema.parse(Object.entries(JSON.parse(text)));
    return new Map(checksums.map(([name, hex]) => [name, Number.parseInt(hex, 16)]));
  } catch {
    throw new FormatError('its header has no checksums of the tensors');
  }
}
