import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { throwIfAborted } from '../abort.js';

/** Bytes hashed in one turn of the event loop. */
const STEP = 1 << 20;

export type ChecksumAlgorithm = 'md5' | 'sha256';

/** Checksum of a file, in lower-case hexadecimal digits. */
export async function checksumOf(
  path: string,
  algorithm: ChecksumAlgorithm,
  signal?: AbortSignal | undefined,
): Promise<string> {
  const hash = createHash(algorithm);
  for await (const chunk of createReadStream(path, { highWaterMark: STEP })) {
    throwIfAborted(signal, `reading ${path}`);
    hash.update(chunk);
  }
  return hash.digest('hex');
}
