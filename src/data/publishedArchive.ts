import { statSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { extract } from 'tar';
import { throwIfAborted } from '../abort.js';
import { flush } from '../disk/flush.js';
import { makeFolder } from '../disk/folder.js';
import { requireSpace } from '../disk/freeSpace.js';
import { FileLock } from '../disk/lock.js';
import { outputError } from '../disk/outputError.js';
import { checksumOf } from '../download/checksum.js';
import { download } from '../download/download.js';
import { MocoError } from '../error.js';
import { inMegabytes } from '../megabytes.js';
import { unreadable } from './cifarFolder.js';
import type { LoadOptions } from './dataset.js';

/** An archive (.tar.gz) of a data set, as its authors publish it, and the folder that it becomes. */
export interface PublishedArchive {
  /** The name of the data set, for messages. */
  readonly title: string;
  /** The one folder that the archive holds, and the one in the data root that is made of it. */
  readonly folder: string;
  readonly file: string;
  readonly url: string;
  /** The environment variable with which a user names another address, such as a mirror's. */
  readonly urlVariable: string;
  readonly md5: string;
  /** What is taken out of it, and nothing else: the most bytes that each file may have. */
  readonly limits: ReadonlyMap<string, number>;
}

/** Compressed bytes per turn of the event loop, which unpacking them holds up. */
const UNPACK_STEP = 1 << 20;

/** What a signal ends, in words. */
const LOADING = 'loading the data set';

const SPACE_HINT = 'Free some space, or choose another folder with --data-root.';

/**
 * Does what makes a data set's folder, while no other process does: the others wait, and then find
 * what this one made.
 * @param make gets the lock, of which the download makes sure that it is still held
 * @throws MocoError `ERR_MOCO_OUTPUT`, `ERR_MOCO_ABORTED`; what `make` throws
 */
export async function alone<Result>(
  archive: PublishedArchive,
  dataRoot: string,
  options: LoadOptions,
  make: (lock: FileLock) => Promise<Result>,
): Promise<Result> {
  await makeFolder(dataRoot);
  using lock = await onlyFetcher(archive, dataRoot, options);
  return await make(lock);
}

/** Shows how far the one is that it waits for: 0 bytes while it begins, or unpacks. */
async function onlyFetcher(
  archive: PublishedArchive,
  dataRoot: string,
  { onDownload, signal }: LoadOptions,
): Promise<FileLock> {
  const part = join(dataRoot, `${archive.file}.part`);
  const path = join(dataRoot, `.${archive.folder}.lock`);
  const onWait = () => {
    const received = statSync(part, { throwIfNoEntry: false })?.size ?? 0;
    onDownload?.({ url: archiveUrl(archive), received, total: undefined, waitingFor: path });
  };
  try {
    return await FileLock.wait(path, { onWait, signal });
  } catch (cause) {
    throwIfAborted(signal, LOADING);
    throw outputError(dataRoot, cause);
  }
}

/**
 * Makes sure that nobody has taken over what this process does, as a run on another machine does
 * where this one stood still for long.
 */
function requireHeld(lock: FileLock, dataRoot: string): void {
  if (lock.isHeld) return;
  const message = `another run took over the download to ${dataRoot}, while this one stood still`;
  throw new MocoError('ERR_MOCO_OUTPUT', message, { hint: 'Start this one again: it will wait.' });
}

/**
 * Downloads an archive into the data root.
 * @throws MocoError `ERR_MOCO_NETWORK`, `ERR_MOCO_OUTPUT`, `ERR_MOCO_CONFIG`, `ERR_MOCO_ABORTED`
 */
export async function downloadArchive(
  archive: PublishedArchive,
  dataRoot: string,
  lock: FileLock,
  { onDownload, signal }: LoadOptions,
): Promise<void> {
  const { file, md5, url: published, folder } = archive;
  const url = archiveUrl(archive);
  const target = join(dataRoot, file);
  const byHand =
    `Or fetch ${published} by other means and put it at ${target}, ` +
    `or unpack it in ${dataRoot}, which gives ${join(dataRoot, folder)}.`;
  await download({
    ...{ url, target, byHand, signal },
    onProgress: (progress) => {
      requireHeld(lock, dataRoot);
      onDownload?.(progress);
    },
    checksum: {
      algorithm: 'md5',
      value: md5,
      wrongFile: (actual, bytes) => wrongFile(url, md5, actual, bytes, byHand),
    },
    unpackedBytes: () => unpackedBytes(archive),
    spaceHint: SPACE_HINT,
  });
  requireHeld(lock, dataRoot);
}

function wrongFile(
  url: string,
  expected: string,
  actual: string,
  bytes: number,
  byHand: string,
): MocoError {
  return new MocoError(
    'ERR_MOCO_NETWORK',
    `${url} brought another file (${inMegabytes(bytes)}): its MD5 is ${actual}, expected ${expected}. ` +
      'It was deleted.',
    { hint: `Try again later. ${byHand}` },
  );
}

/** The published address, unless the environment names another one. */
function archiveUrl(archive: PublishedArchive): string {
  const url = process.env[archive.urlVariable];
  if (!url) return archive.url;
  if (/^https?:/.test(url) && URL.canParse(url)) return url;
  throw new MocoError('ERR_MOCO_CONFIG', `${archive.urlVariable} is no HTTP address: "${url}"`, {
    hint: `Set it to an address like ${archive.url}, or unset it.`,
  });
}

/**
 * Makes sure that the archive which lies in the data root is the published one.
 * @throws MocoError `ERR_MOCO_DATA`
 */
export async function requireOfficial(
  { title, file, md5, url }: PublishedArchive,
  dataRoot: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const path = join(dataRoot, file);
  const actual = await checksumOf(path, 'md5', signal).catch((cause: unknown) =>
    Promise.reject(unreadable(path, cause)),
  );
  if (actual === md5) return;
  throw new MocoError(
    'ERR_MOCO_DATA',
    `${path} is not the official archive of ${title}: its MD5 is ${actual}, expected ${md5}`,
    {
      hint: `Delete it to have ${title} downloaded, or put a whole copy of ${url} in ${dataRoot}.`,
    },
  );
}

/**
 * Unpacks the archive that lies in the data root into its folder, which appears by a rename, whole
 * and flushed; what is left of an interrupted run is cleared.
 * @param complete checks what was unpacked, in its temporary folder, and adds to it
 * @returns the folder
 * @throws MocoError `ERR_MOCO_OUTPUT`, `ERR_MOCO_ABORTED`; what `complete` throws
 */
export async function unpackArchive(
  archive: PublishedArchive,
  dataRoot: string,
  complete: (folder: string) => Promise<void>,
  signal: AbortSignal | undefined,
): Promise<string> {
  const temporary = join(dataRoot, `.${archive.folder}.unpacking`);
  const folder = join(dataRoot, archive.folder);
  try {
    await rm(temporary, { recursive: true, force: true });
    const need = { what: `${archive.title}, unpacked,`, hint: SPACE_HINT };
    await requireSpace(dataRoot, unpackedBytes(archive), need);
    await mkdir(temporary);
    await extractFiles(archive, dataRoot, temporary);
    throwIfAborted(signal, LOADING);
    await complete(temporary);
    await flush(temporary);
    await rename(temporary, folder);
    await flush(dataRoot);
    return folder;
  } catch (cause) {
    await rm(temporary, { recursive: true, force: true }).catch(() => {}); // the first failure counts
    throw outputError(folder, cause);
  }
}

/** Takes what has a limit out of the archive, and nothing else. */
async function extractFiles(
  { file, limits }: PublishedArchive,
  dataRoot: string,
  target: string,
): Promise<void> {
  await extract({
    file: join(dataRoot, file),
    cwd: target,
    strip: 1,
    strict: true,
    maxReadSize: UNPACK_STEP,
    filter: (path, entry) => {
      const limit = limits.get(posix.normalize(path));
      const isFile = 'type' in entry && (entry.type === 'File' || entry.type === 'OldFile');
      return limit !== undefined && isFile && entry.size <= limit;
    },
  });
}

function unpackedBytes({ limits }: PublishedArchive): number {
  return [...limits.values()].reduce((sum, bytes) => sum + bytes, 0);
}
