import { randomBytes } from 'node:crypto';
import type { StatsFs } from 'node:fs';
import { mkdir, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { MocoError } from '../error.js';
import { outputError } from '../formats/outputError.js';

/** What a run's small files may take, in bytes. */
const SMALL_FILES = 1 << 20;

/**
 * Makes sure that `folder`, which need not exist yet, can be written to, and leaves nothing behind.
 * @throws MocoError `ERR_MOCO_OUTPUT`
 */
export async function requireWritable(folder: string): Promise<void> {
  const trial = join(await nearestExisting(folder), `.moco-${randomBytes(4).toString('hex')}.tmp`);
  try {
    await writeFile(trial, 'moco', { flag: 'wx' });
  } catch (cause) {
    throw outputError(folder, cause);
  } finally {
    await rm(trial, { force: true }).catch(() => {}); // the write's failure is reported
  }
}

/**
 * Makes sure that the disk of `folder` has room for what a run writes.
 * @param floats numbers of four bytes in all its large files together, those included that are
 * being written
 * @throws MocoError `ERR_MOCO_OUTPUT`
 */
export async function requireSpace(folder: string, floats: number): Promise<void> {
  const needed = 4 * floats + SMALL_FILES;
  const available = await freeSpace(folder);
  if (available === undefined || available >= needed) return;
  throw new MocoError(
    'ERR_MOCO_OUTPUT',
    `cannot write ${folder}: the run needs ${megabytes(needed)} there, ${megabytes(available)} are free`,
    { hint: 'Free some space, or write elsewhere with --out.' },
  );
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
 * Makes a folder and those above it, as far as they are missing.
 * @throws MocoError `ERR_MOCO_OUTPUT`
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (cause) {
    throw outputError(path, cause);
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

/** `folder`, or the first of its parents that is there. */
async function nearestExisting(folder: string): Promise<string> {
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

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1e6)} MB`;
}
