import { open } from 'node:fs/promises';
import type { Pictures } from '../data/dataset.js';
import { isError, MocoError } from '../error.js';

/**
 * The pixels of some pictures, each height × width × 3 bytes.
 * @param numbers of the pictures in their split
 * @throws MocoError `ERR_MOCO_DATA` where the file that they lie in cannot be read
 */
export async function readPixels(
  { pixels, height, width }: Pictures,
  numbers: readonly number[],
): Promise<Uint8Array[]> {
  const bytes = 3 * height * width;
  if (pixels instanceof Uint8Array) {
    return numbers.map((number) => pixels.subarray(number * bytes, (number + 1) * bytes));
  }
  const { path, offset, rows } = pixels;
  try {
    await using file = await open(path);
    const read: Uint8Array[] = [];
    for (const number of numbers) {
      const at = offset + (rows[number] as number) * bytes;
      const { bytesRead, buffer } = await file.read(Buffer.alloc(bytes), 0, bytes, at);
      if (bytesRead < bytes) throw new Error('it ends too early');
      read.push(buffer);
    }
    return read;
  } catch (cause) {
    const reason = isError(cause) ? cause.message : String(cause);
    throw new MocoError('ERR_MOCO_DATA', `cannot read the pictures in ${path}: ${reason}`, {
      hint: '`moco data check` tells whether the file is whole.',
      cause,
    });
  }
}
