import { randomBytes } from 'node:crypto';
import { open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { flush, flushHandle } from '../disk/flush.js';
import { makeFolder } from '../disk/folder.js';
import { outputError } from '../disk/outputError.js';
import { MocoError } from '../error.js';
import { RunLock } from '../run/runLock.js';

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

/** A folder that an export writes. */
export interface FolderRequest {
  readonly path: string;
  /** Replaces an earlier export. */
  readonly force: boolean;
  /** Ends the waiting for another export of which is not known whether it still writes there. */
  readonly signal: AbortSignal | undefined;
}

/**
 * Makes a folder that appears whole or not at all: `write` fills another one beside it, which then
 * gets its name. An earlier export is moved away just before that, and removed after it. What exports
 * that were killed have left is cleared away first.
 * @throws MocoError `ERR_MOCO_OUTPUT`, also where another export writes there, or something else is
 *   there by then; `ERR_MOCO_ABORTED`; what `write` throws
 */
export async function writeFolder(
  request: FolderRequest,
  write: (folder: string) => Promise<void>,
): Promise<void> {
  const { path, force, signal } = request;
  await makeFolder(dirname(path));
  const lock = await acquire(path, signal);
  try {
    await clearLeftovers(path);
    await requireFree(path, force);
    await writeBeside(path, force, write);
  } finally {
    lock.release();
  }
}

async function writeBeside(
  folder: string,
  force: boolean,
  write: (folder: string) => Promise<void>,
): Promise<void> {
  const temporary = beside(folder, UNFINISHED);
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

async function acquire(folder: string, signal: AbortSignal | undefined): Promise<RunLock> {
  const acquiring = RunLock.acquire(folder, signal);
  for (;;) {
    const { done, value } = await acquiring.next();
    if (done) return value;
  }
}

/** How the names of folders end that lie beside an export while it is written. */
const UNFINISHED = 'tmp';
const EARLIER = 'old';

/** A path in the same folder that nobody else has. */
function beside(folder: string, ending: string): string {
  return join(dirname(folder), `.${basename(folder)}.${randomBytes(4).toString('hex')}.${ending}`);
}

/**
 * Removes what exports to a folder have left that were killed. The export that one of them was about
 * to replace gets its place again.
 */
async function clearLeftovers(folder: string): Promise<void> {
  try {
    for (const path of await leftBeside(folder, EARLIER)) {
      if ((await namesIn(folder)).length > 0) await removeAll(path);
      else await rename(path, folder);
    }
    for (const path of await leftBeside(folder, UNFINISHED)) await removeAll(path);
  } catch (cause) {
    throw outputError(folder, cause);
  }
}

async function leftBeside(folder: string, ending: string): Promise<string[]> {
  const start = `.${basename(folder)}.`;
  const isLeft = (name: string) =>
    name.startsWith(start) &&
    new RegExp(`^[0-9a-f]{8}\\.${ending}$`).test(name.slice(start.length));
  const names = await namesIn(dirname(folder));
  return names.filter(isLeft).map((name) => join(dirname(folder), name));
}

async function removeAll(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
}

async function takePlace(temporary: string, folder: string, force: boolean): Promise<void> {
  const earlier = beside(folder, EARLIER);
  try {
    const isReplaced = force && (await isMoved(folder, earlier));
    await rename(temporary, folder).catch(async (cause: unknown) => {
      if (isReplaced) await rename(earlier, folder);
      throw cause;
    });
    await flush(dirname(folder));
    if (isReplaced) await removeAll(earlier);
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
