import { statSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
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
import { exists, requireCifarFiles, unreadable } from './cifarFolder.js';
import { type CifarMarker, MARKER_FILE } from './cifarMarker.js';
import {
  archiveIn,
  CIFAR_LAYOUTS,
  type CifarLayout,
  type CifarVariant,
  classFileIn,
  fileIn,
  folderIn,
  recordBytes,
} from './cifarVariant.js';
import type { LoadOptions } from './dataset.js';
import { type CifarCopy, findCifar, requireRoot } from './findCifar.js';

/** Compressed bytes per turn of the event loop, which unpacking them holds up. */
const UNPACK_STEP = 1 << 20;

/** What a signal ends, in words. */
const LOADING = 'loading the data set';

const SPACE_HINT = 'Free some space, or choose another folder with --data-root.';

/** What a list of class names may take, in bytes. */
const MAX_NAMES = 1 << 16;

/** What the name of a picture, and its place in lists, may take in the version for Python, in bytes. */
const MAX_NAME = 1 << 8;

/**
 * Makes the folder of a variant from its archive: from one that lies in the data root, else from a
 * downloaded one, which is deleted afterwards. Where another process is at it, this one waits
 * and takes what it made.
 * @returns what was made
 * @throws MocoError `ERR_MOCO_NETWORK`, `_DATA` where the archive that lies there is another file,
 *   `_OUTPUT`, `_CONFIG`, `_ABORTED`
 */
export async function fetchCifar(
  variant: CifarVariant,
  dataRoot: string,
  options: LoadOptions,
): Promise<CifarCopy> {
  const { signal } = options;
  requireRoot(variant, dataRoot);
  await makeFolder(dataRoot);
  using lock = await onlyFetcher(variant, dataRoot, options);
  const made = await findCifar(variant, dataRoot);
  if (made !== undefined) return made;
  const lying = await lyingArchive(variant, dataRoot);
  if (lying !== undefined) {
    await requireOfficial(variant, lying, dataRoot, signal);
    return await unpackCifar(variant, lying, dataRoot, signal);
  }
  await downloadArchive(variant, dataRoot, lock, options);
  requireHeld(lock, dataRoot);
  const copy = await unpackCifar(variant, 'binary', dataRoot, signal);
  await rm(join(dataRoot, variant.archive.file), { force: true });
  return copy;
}

/** The layout of which an archive lies in the data root; undefined where there is none. */
export async function lyingArchive(
  variant: CifarVariant,
  dataRoot: string,
): Promise<CifarLayout | undefined> {
  for (const layout of CIFAR_LAYOUTS) {
    if (await exists(join(dataRoot, archiveIn(variant, layout).file))) return layout;
  }
  return undefined;
}

/** Shows how far the one is that it waits for: 0 bytes while it begins, or unpacks. */
async function onlyFetcher(
  variant: CifarVariant,
  dataRoot: string,
  { onDownload, signal }: LoadOptions,
): Promise<FileLock> {
  const part = join(dataRoot, `${variant.archive.file}.part`);
  const path = join(dataRoot, `.${variant.folder}.lock`);
  const onWait = () => {
    const received = statSync(part, { throwIfNoEntry: false })?.size ?? 0;
    onDownload?.({ url: archiveUrl(variant), received, total: undefined, waitingFor: path });
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

async function downloadArchive(
  variant: CifarVariant,
  dataRoot: string,
  lock: FileLock,
  { onDownload, signal }: LoadOptions,
): Promise<void> {
  const { file, md5, url: published } = variant.archive;
  const url = archiveUrl(variant);
  const target = join(dataRoot, file);
  const byHand =
    `Or fetch ${published} by other means and put it at ${target}, ` +
    `or unpack it in ${dataRoot}, which gives ${join(dataRoot, variant.folder)}.`;
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
    unpackedBytes: () => unpackedBytes(variant),
    spaceHint: SPACE_HINT,
  });
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
function archiveUrl({ archive }: CifarVariant): string {
  const url = process.env[archive.urlVariable];
  if (!url) return archive.url;
  if (/^https?:/.test(url) && URL.canParse(url)) return url;
  throw new MocoError('ERR_MOCO_CONFIG', `${archive.urlVariable} is no HTTP address: "${url}"`, {
    hint: `Set it to an address like ${archive.url}, or unset it.`,
  });
}

async function requireOfficial(
  variant: CifarVariant,
  layout: CifarLayout,
  dataRoot: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { file, md5 } = archiveIn(variant, layout);
  const archive = join(dataRoot, file);
  const actual = await checksumOf(archive, 'md5', signal).catch((cause: unknown) =>
    Promise.reject(unreadable(archive, cause)),
  );
  if (actual === md5) return;
  throw new MocoError(
    'ERR_MOCO_DATA',
    `${archive} is not the official archive of ${variant.title}: its MD5 is ${actual}, expected ${md5}`,
    {
      hint: `Delete it to have ${variant.title} downloaded, or put a whole copy of ${variant.archive.url} in ${dataRoot}.`,
    },
  );
}

/**
 * Unpacks an archive into the variant's folder; beside the files of the binary version lies a marker
 * of their checksums. The folder appears by a rename, whole and flushed; what is left of an
 * interrupted run is cleared.
 */
async function unpackCifar(
  variant: CifarVariant,
  layout: CifarLayout,
  dataRoot: string,
  signal: AbortSignal | undefined,
): Promise<CifarCopy> {
  const name = folderIn(variant, layout);
  const temporary = join(dataRoot, `.${name}.unpacking`);
  const folder = join(dataRoot, name);
  try {
    await rm(temporary, { recursive: true, force: true });
    const need = { what: `${variant.title}, unpacked,`, hint: SPACE_HINT };
    await requireSpace(dataRoot, unpackedBytes(variant), need);
    await mkdir(temporary);
    await extractFiles(variant, layout, dataRoot, temporary);
    throwIfAborted(signal, LOADING);
    if (layout === 'binary') await requireCifarFiles(variant, temporary);
    for (const file of dataFiles(variant, layout)) await flush(join(temporary, file));
    if (layout === 'binary') await writeMarker(variant, temporary, signal);
    await flush(temporary);
    await rename(temporary, folder);
    await flush(dataRoot);
    return { folder, layout };
  } catch (cause) {
    await rm(temporary, { recursive: true, force: true }).catch(() => {}); // the first failure counts
    throw outputError(folder, cause);
  }
}

/** Takes the data files and the list of names out of the archive, and nothing else. */
async function extractFiles(
  variant: CifarVariant,
  layout: CifarLayout,
  dataRoot: string,
  target: string,
): Promise<void> {
  const limits = sizeLimits(variant, layout);
  await extract({
    file: join(dataRoot, archiveIn(variant, layout).file),
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

/** What an archive may hold, by path: the most bytes each file may have. */
function sizeLimits(variant: CifarVariant, layout: CifarLayout): Map<string, number> {
  const folder = folderIn(variant, layout);
  const perRecord = recordBytes(variant) + (layout === 'python' ? MAX_NAME : 0);
  const limits = new Map([[`${folder}/${classFileIn(variant, layout)}`, MAX_NAMES]]);
  for (const { files, recordsPerFile } of [variant.train, variant.test]) {
    for (const file of files) {
      limits.set(`${folder}/${fileIn(layout, file)}`, recordsPerFile * perRecord);
    }
  }
  return limits;
}

function unpackedBytes(variant: CifarVariant): number {
  return [...sizeLimits(variant, 'binary').values()].reduce((sum, bytes) => sum + bytes, 0);
}

function dataFiles({ train, test }: CifarVariant, layout: CifarLayout): string[] {
  return [...train.files, ...test.files].map((file) => fileIn(layout, file));
}

/** Takes down the checksums of the data files. */
async function writeMarker(
  variant: CifarVariant,
  folder: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const sha256: Record<string, string> = {};
  for (const file of dataFiles(variant, 'binary')) {
    sha256[file] = await checksumOf(join(folder, file), 'sha256', signal);
  }
  const { file: archive, md5 } = variant.archive;
  const marker: CifarMarker = { archive, md5, sha256 };
  const path = join(folder, MARKER_FILE);
  await writeFile(path, `${JSON.stringify(marker, undefined, 2)}\n`);
  await flush(path);
}
