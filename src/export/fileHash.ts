import { createHash } from 'node:crypto';
import { throwIfAborted } from '../abort.js';
import { withInputFile } from '../formats/inputFile.js';

/** Bytes that are read at a time. */
const CHUNK = 1 << 20;

/**
 * The SHA-256 of a file, in hexadecimal digits.
 * @throws MocoError `ERR_MOCO_CHECKPOINT` where it cannot be read; `_ABORTED` after the signal
 */
export function fileHash(path: string, signal?: AbortSignal | undefined): Promise<string> {
  return withInputFile(path, async (file) => {
    const hash = createHash('sha256');
    const chunk = Buffer.allocUnsafe(Math.min(CHUNK, file.size));
    for (let done = 0; done < file.size; done += chunk.length) {
      throwIfAborted(signal, `reading ${path}`);
      const part = chunk.subarray(0, Math.min(chunk.length, file.size - done));
      await file.readInto(part, done);
      hash.update(part);
    }
    return hash.digest('hex');
  });
}
