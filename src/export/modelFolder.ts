import { randomBytes } from 'node:crypto';
import { open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { flush, flushHandle } from '../disk/flush.js';
import { makeFolder } from '../disk/folder.js';
import { outputError } from '../disk/outputError.js';
import { MocoError } from '../error.js';

/** What exports put into a folder. */
const OWN_NAMES: readonly string[] = [
  ...['config.json', 'preprocessor_config.json', 'onnx'],
  ...['model.pt', 'model.safetensors', 'model.pth'],
];

/**
 * Makes sure that a folder can be written: nothing is in its place, or an empty folder, or, with
 * `force`, an earlier export.
 * @throws MocoError `ERR_MOCO_OUTPUT`
 */
export async function requireFree(folder: string, force: boolean): Promise<void> {
  const found = await namesIn(folder);
  if (found.length === 0) return;
  const foreign = found.find((name) => !OWN_NAMES.includes(name));
  if (foreign !== undefined) {
    const message = `${folder} holds ${foreign}, which is of no export, and was not changed`;
    throw new MocoError('ERR_MOCO_OUTPUT', message, { hint: 'Choose another folder.' });
  }
  if (!force) throw exists(folder);
}

/**
 * Makes a folder that appears whole or not at all: `write` fills another one beside it, which then
 * gets its name. An earlier export is moved away just before that, and removed after it.
 * @throws MocoError `ERR_MOCO_OUTPUT`, also where something else is there by then; what `write` throws
 */
export async function writeFolder(
  folder: string,
  force: boolean,
  write: (folder: string) => Promise<void>,
): Promise<void> {
  await makeFolder(dirname(folder));
  const temporary = beside(folder);
  await makeFolder(temporary);
  try {
    await write(temporary);
    await requireFree(folder, force);
    await takePlace(temporary, folder, force);
  } catch (cause) {
    await rm(temporary, { recursive: true, force: true }).catch(() => {}); // the first failure counts
    throw cause;
  }
}

/** A path in the same folder that nobody else has. */
function beside(folder: string): string {
  return join(dirname(folder), `.${basename(folder)}.${randomBytes(4).toString('hex')}.tmp`);
}

async function takePlace(temporary: string, folder: string, force: boolean): Promise<void> {
  const earlier = beside(folder);
  try {
    const isReplaced = force && (await isMoved(folder, earlier));
    await rename(temporary, folder).catch(async (cause: unknown) => {
      if (isReplaced) await rename(earlier, folder);
      throw cause;
    });
    await flush(dirname(folder));
    if (isReplaced) await rm(earlier, { recursive: true, force: true });
  } catch (cause) {
    throw isTaken(cause) ? exists(folder) : outputError(folder, cause);
  }
}

/** Moves what is at a path, if there is something. */
async function isMoved(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
    return false;
  }
}

/**
 * Writes a new file, and waits until it and its folder are on the disk.
 * @param pieces of its content
 * @throws MocoError `ERR_MOCO_OUTPUT`
 */
export async function writePieces(path: string, pieces: Iterable<Uint8Array>): Promise<void> {
  try {
    await using handle = await open(path, 'wx');
    for (const piece of pieces) await handle.writeFile(piece);
    await flushHandle(handle);
    await flush(dirname(path));
  } catch (cause) {
    throw outputError(path, cause);
  }
}

/** The names in a folder; none where nothing is in its place. */
async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw outputError(folder, cause);
  }
}

function isTaken(cause: unknown): boolean {
  const { code = '' } = cause as NodeJS.ErrnoException;
  return code === 'ENOTEMPTY' || code === 'EEXIST';
}

function exists(folder: string): MocoError {
  return new MocoError('ERR_MOCO_OUTPUT', `${folder} exists already and was not changed`, {
    hint: 'Choose another folder, or pass --force to replace it.',
  });
}
