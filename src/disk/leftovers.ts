import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { outputError } from './outputError.js';

/** The temporary name of a file that is written atomically, by `writeFileAtomic` or the addon. */
const TEMPORARY = /^\.(?<name>.*)\.[0-9a-f]{8}\.tmp$/;

/**
 * Removes the temporary files that processes which were killed left in a folder, where there is one.
 * Folders with such names, which exports leave, are left to them.
 * @param isOurs whether the file of this name is one that nobody else may be writing now
 * @throws MocoError `ERR_MOCO_OUTPUT`
 */
export async function removeLeftovers(
  folder: string,
  isOurs: (name: string) => boolean,
): Promise<void> {
  for (const found of await filesIn(folder)) {
    const name = TEMPORARY.exec(found)?.groups?.name;
    if (name !== undefined && isOurs(name)) await rm(join(folder, found), { force: true });
  }
}

/** The names of what is in a folder and is none itself; none where there is no such folder. */
async function filesIn(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name);
  } catch (cause) {
    const { code = '' } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw outputError(folder, cause);
  }
}
