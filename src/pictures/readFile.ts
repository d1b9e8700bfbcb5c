import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { readAll } from '../disk/positioned.js';
import { inMegabytes } from '../megabytes.js';
import { type ListedFile, unreadableReason } from './scan.js';
import type { Unreadable } from './source.js';

/** The largest file that is read, in bytes. */
export const MAX_BYTES = 2 ** 28;

export const TOO_LARGE: Unreadable = { reason: `it has more than ${inMegabytes(MAX_BYTES)}` };

const CHANGED: Unreadable = { reason: 'it changed while it was read' };

/** Does not wait where a pipe has taken the file's place. */
const FLAGS = constants.O_RDONLY | constants.O_NONBLOCK;

/**
 * Reads a file that was listed.
 * @returns the reason where that is not possible, or where it is not the file any more that was listed
 */
export async function readListed({
  path,
  size,
  mtimeNs,
}: ListedFile): Promise<Buffer | Unreadable> {
  if (size > MAX_BYTES) return TOO_LARGE;
  let file: FileHandle | undefined;
  try {
    file = await open(path, FLAGS);
    const bytes = Buffer.allocUnsafeSlow(size);
    const length = await readAll(file, bytes, 0);
    const now = await file.stat({ bigint: true });
    const isSame = length === size && now.size === BigInt(size) && now.mtimeNs === mtimeNs;
    return isSame ? bytes : CHANGED;
  } catch (error) {
    return { reason: unreadableReason(error) };
  } finally {
    await file?.close();
  }
}

/**
 * Reads a picture's file.
 * @returns the reason where that is not possible
 */
export async function readPictureFile(path: string): Promise<Buffer | Unreadable> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, FLAGS);
    const status = await file.stat();
    if (!status.isFile()) return { reason: 'it is no file' };
    if (status.size > MAX_BYTES) return TOO_LARGE;
    const bytes = Buffer.allocUnsafeSlow(status.size);
    const length = await readAll(file, bytes, 0);
    return length === status.size ? bytes : CHANGED;
  } catch (error) {
    return { reason: unreadableReason(error) };
  } finally {
    await file?.close();
  }
}
