import type { StatsFs } from 'node:fs';
import { stat, statfs } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { MocoError } from '../error.js';
import { outputError } from './outputError.js';

/**
 * Makes sure that the disk of `folder`, which need not exist yet, has room.
 * @param bytes that are needed
 * @param need who needs them, in words, and what to do where they are not there
 * @throws MocoError `ERR_MOCO_OUTPUT`
 */
export async function requireSpace(
  folder: string,
  bytes: number,
  { what, hint }: { readonly what: string; readonly hint: string },
): Promise<void> {
  const available = await freeSpace(folder);
  if (available === undefined || available >= bytes) return;
  const message = `cannot write ${folder}: ${what} needs ${megabytes(bytes)} there, ${megabytes(available)} are free`;
  throw new MocoError('ERR_MOCO_OUTPUT', message, { hint });
}

/**
 * Bytes that the disk of `folder`, which need not exist yet, has left; undefined where it does not
 * tell, as some virtual file systems.
 * @throws MocoError `ERR_MOCO_OUTPUT`
 */
export async function freeSpace(folder: string): Promise<number | undefined> {
  const { blocks, bavail, bsize } = await diskOf(folder);
  return blocks === 0 ? undefined : bavail * bsize;
}

/**
 * `folder`, or the first of its parents that is there.
 * @throws MocoError `ERR_MOCO_OUTPUT`
 */
export async function nearestExisting(folder: string): Promise<string> {
  for (let path = resolve(folder); ; path = dirname(path)) {
    try {
      await stat(path);
      return path;
    } catch (cause) {
      const isMissing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
      if (!isMissing || path === dirname(path)) throw outputError(folder, cause);
    }
  }
}

async function diskOf(folder: string): Promise<StatsFs> {
  const existing = await nearestExisting(folder);
  try {
    return await statfs(existing);
  } catch (cause) {
    throw outputError(folder, cause);
  }
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1e6)} MB`;
}
