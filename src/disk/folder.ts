import { existsSync } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { outputError } from './outputError.js';

/**
 * Makes a folder and those above it, as far as they are missing.
 * @throws MocoError `ERR_MOCO_OUTPUT`
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await makeWithParents(path);
  } catch (cause) {
    throw outputError(path, cause);
  }
}

/**
 * Not by the option `recursive`: with it, Node never returns where a file system says that a folder
 * is not there although the one above it is, as /proc and folders that are mounted on demand do.
 */
async function makeWithParents(path: string): Promise<void> {
  try {
    await makeOne(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    const parent = dirname(path);
    if (!existsSync(parent)) await makeWithParents(parent);
    await makeOne(path);
  }
}

/** Another process may make the same one. */
async function makeOne(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    if (!(await isFolder(path))) throw error;
  }
}

async function isFolder(path: string): Promise<boolean> {
  return await stat(path).then(
    (found) => found.isDirectory(),
    () => false, // what `mkdir` has said is said to the user
  );
}
