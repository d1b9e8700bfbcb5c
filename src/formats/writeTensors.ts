import type { FileHandle } from 'node:fs/promises';
import { writeAll } from '../disk/positioned.js';
import type { WrittenTensor } from './mocoHeader.js';

/**
 * Writes the tensors of a file that are in memory, and ends the file after the last one.
 * @param offset of the first tensor in the file
 */
export async function writeTensors(
  file: FileHandle,
  tensors: readonly WrittenTensor[],
  offset: number,
): Promise<void> {
  let at = offset;
  for (const { content, bytes } of tensors) {
    if (content !== undefined) await writeAll(file, content, at);
    at += bytes;
  }
  await file.truncate(at);
}
