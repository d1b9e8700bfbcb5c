import { randomBytes } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { nearestExisting, requireSpace } from '../disk/freeSpace.js';
import { outputError } from '../disk/outputError.js';

/** The room that a run's small files need, in bytes. */
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
export async function requireRunSpace(folder: string, floats: number): Promise<void> {
  const hint = 'Free some space, or write elsewhere with --out.';
  await requireSpace(folder, 4 * floats + SMALL_FILES, { what: 'the run', hint });
}
