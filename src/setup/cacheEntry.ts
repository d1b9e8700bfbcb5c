import { existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { access, constants, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { throwIfAborted } from '../abort.js';
import { makeFolder } from '../disk/folder.js';
import { FileLock } from '../disk/lock.js';
import { parseHolder, stateOf } from '../disk/lockHolder.js';
import { outputError } from '../disk/outputError.js';
import { MocoError } from '../error.js';
import { type CacheHost, cacheFolder } from '../native/cacheFolder.js';
import type { Host } from './host.js';

/** What names begin with of what is being made, and of what was left so. */
export const PARTIAL = 'partial-';

/** In a folder where something is being made: the lock of who makes it. */
const LOCK = 'lock';

/** For what has no lock, and for locks of other machines. */
const ABANDONED_AFTER_MS = 24 * 3600 * 1000;

/** How one entry of the cache is made, and what makes it good. */
export interface EntryRequest {
  /** Fills an empty folder with the contents; another one is for temporary files. */
  readonly fill: (contents: string, temporary: string) => Promise<void>;
  /** What is wrong with contents; undefined where they are good. */
  readonly problem: (contents: string) => string | undefined;
  /** The error for what `fill` has made and is not good. */
  readonly unusable: (entry: string, problem: string) => MocoError;
}

/**
 * Makes one entry of the cache. The contents are moved into place whole, so an interrupted set-up
 * leaves no half entry, and of two that run at once one wins.
 * @throws MocoError `ERR_MOCO_OUTPUT` where the cache cannot be written, `ERR_MOCO_ABORTED` after
 *   the signal, and what `unusable` makes
 */
export async function fillEntry(
  entry: string,
  host: Host,
  { fill, problem, unusable }: EntryRequest,
): Promise<void> {
  const workspace = await makeWorkspace(host);
  // By it others tell that this process is at it, and when it was killed.
  const lock = await FileLock.wait(join(workspace, LOCK));
  try {
    const [contents, temporary] = [join(workspace, 'contents'), join(workspace, 'temporary')];
    await Promise.all([mkdir(contents), mkdir(temporary)]);
    await fill(contents, temporary).finally(() => throwIfAborted(host.signal, 'the set-up'));
    const wrong = problem(contents);
    if (wrong !== undefined) throw unusable(entry, wrong);
    await moveIntoPlace(contents, entry, workspace, problem);
  } finally {
    lock.release();
    // Retried, since a program that was ended may still be writing.
    rmSync(workspace, { recursive: true, force: true, maxRetries: 5 });
  }
}

/**
 * The cache's folder, made if need be.
 * @throws MocoError `ERR_MOCO_OUTPUT` where it cannot be written
 */
export async function openCache(host: Host): Promise<string> {
  const cache = cacheFolder(host);
  try {
    await makeFolder(cache);
    await access(cache, constants.W_OK);
    return cache;
  } catch (cause) {
    const { message } = outputError(cache, cause);
    const hint = 'Set MOCO_CACHE to a folder that can be written.';
    throw new MocoError('ERR_MOCO_OUTPUT', message, { hint, cause });
  }
}

/** Whether nothing can be put into the cache, which is there, as in an image that is read-only. */
export async function isReadOnly(host: CacheHost): Promise<boolean> {
  return await access(cacheFolder(host), constants.W_OK).then(
    () => false,
    () => true,
  );
}

async function makeWorkspace(host: Host): Promise<string> {
  const cache = await openCache(host);
  await removeAbandoned(cache);
  return await mkdtemp(join(cache, PARTIAL));
}

async function moveIntoPlace(
  contents: string,
  entry: string,
  workspace: string,
  problem: EntryRequest['problem'],
): Promise<void> {
  const isThere = () => existsSync(entry) && problem(entry) === undefined;
  if (existsSync(entry) && !isThere()) await rename(entry, join(workspace, 'damaged'));
  try {
    await rename(contents, entry);
  } catch (error) {
    // Another set-up may have been faster.
    if (!isThere()) throw error;
  }
}

/** Workspaces of set-ups that were killed, and downloads that nobody went on with. */
async function removeAbandoned(cache: string): Promise<void> {
  for (const name of await readdir(cache)) {
    const path = join(cache, name);
    if (!name.startsWith(PARTIAL) || !isAbandoned(path)) continue;
    await rm(path, { recursive: true, force: true });
  }
}

/** Whether nobody is any more at what was being made: who was has ended, or it is very old. */
export function isAbandoned(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false }); // another set-up may just remove it
  if (found === undefined) return false;
  if (Date.now() - found.mtimeMs > ABANDONED_AFTER_MS) return true;
  const lock = join(path, LOCK);
  const holder = readIfThere(lock);
  return holder !== undefined && stateOf(parseHolder(holder), lock) === 'ended';
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (['ENOENT', 'ENOTDIR'].includes(code)) return undefined;
    throw error;
  }
}
