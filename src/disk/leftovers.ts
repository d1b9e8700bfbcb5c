import { readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { outputError } from '../disk/outputError.js';

/** Names of files that were being written when a process was killed, ours and the addon's. */
const TEMPORARY = /^\..*\.[0-9a-f]{8}\.tmp$|\.tmp-\d+$/;

/**
 * Removes what a run that was killed left half-written in its directory and beside it. The caller
 * must hold the run's lock.
 * @throws MocoError `ERR_MOCO_OUTPUT`
 */
export async function removeLeftovers(directory: string): Promise<void> {
  const run = basename(directory);
  for (const folder of [directory, dirname(directory)]) {
    for (const name of await namesIn(folder)) {
      const isOurs = folder === directory || name.replace(/^\./, '').startsWith(`${run}_`);
      if (isOurs && TEMPORARY.test(name)) await rm(join(folder, name), { force: true });
    }
  }
}

/** The names in a folder; none where there is no such folder. */
async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (cause) {
    const { code = '' } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw outputError(folder, cause);
  }
}
