import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
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
 * gets its name. An earlier export is moved away just before that, and removed.
 * @throws MocoError `ERR_MOCO_OUTPUT`, also where something else is there by then
 */
export async function writeFolder(
  folder: string,
  force: boolean,
  write: (folder: string) => Promise<void>,
): Promise<void> {
  await makeFolder(dirname(folder));
  const beside = () =>
    join(dirname(folder), `.${basename(folder)}.${randomBytes(4).toString('hex')}.tmp`);
  const temporary = beside();
  const earlier = beside();
  try {
    await mkdir(temporary);
    await write(temporary);
    await requireFree(folder, force);
    if (force) await rename(folder, earlier).catch(ignoreMissing);
    await rename(temporary, folder);
    await flush(dirname(folder));
  } catch (cause) {
    await rm(temporary, { recursive: true, force: true });
    throw isTaken(cause) ? exists(folder) : outputError(folder, cause);
  }
  await rm(earlier, { recursive: true, force: true });
}

/**
 * Writes a file, and waits until it is on the disk.
 * @param pieces of its content
 * @throws MocoError `ERR_MOCO_OUTPUT`
 */
export async function writePieces(path: string, pieces: Iterable<Uint8Array>): Promise<void> {
  try {
    await using handle = await open(path, 'wx');
    for (const piece of pieces) await handle.writeFile(piece);
    await flushHandle(handle);
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

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
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
