import { statSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { extract } from 'tar';
import { throwIfAborted } from '../abort.js';
import { flush } from '../disk/flush.js';
import { requireSpace } from '../disk/freeSpace.js';
import { FileLock } from '../disk/lock.js';
import { outputError } from '../disk/outputError.js';
import { checksumOf } from '../download/checksum.js';
import { download } from '../download/download.js';
import { MocoError } from '../error.js';
import { inMegabytes } from '../megabytes.js';
import { exists, requireCifarFiles, unreadable } from './cifarFolder.js';
import { type CifarMarker, MARKER_FILE } from './cifarMarker.js';
import { type CifarVariant, recordBytes } from './cifarVariant.js';
import type { LoadOptions } from './dataset.js';

/** Compressed bytes per turn of the event loop, which unpacking them holds up. */
const UNPACK_STEP = 1 << 20;

/** What a signal ends, in words. */
const LOADING = 'loading the data set';

const SPACE_HINT = 'Free some space, or choose another folder with --data-root.';

/** What a list of class names may take, in bytes. */
const MAX_NAMES = 1 << 16;

/**
 * Makes the folder of a variant from its archive: from the one that lies in the data root, else
 * from a downloaded one, which is deleted afterwards. Where another process is at it, this one waits
 * and takes what it made.
 * @throws MocoError `ERR_MOCO_NETWORK`, `_DATA` where the archive that lies there is another file,
 *   `_OUTPUT`, `_CONFIG`, `_ABORTED`
 */
export async function fetchCifar(
  variant: CifarVariant,
  dataRoot: string,
  options: LoadOptions,
): Promise<void> {
  const { signal } = options;
  const archive = join(dataRoot, variant.archive.file);
  await makeFolder(dataRoot);
  using _lock = await onlyFetcher(variant, dataRoot, options);
  if (await exists(join(dataRoot, variant.folder))) return;
  const liesThere = await exists(archive);
  if (liesThere) await requireOfficial(variant, archive, signal);
  else await downloadArchive(variant, dataRoot, options);
  await unpackCifar(variant, archive, dataRoot, signal);
  if (!liesThere) await rm(archive, { force: true });
}

/** Shows how far the one is that it waits for. */
async function onlyFetcher(
  variant: CifarVariant,
  dataRoot: string,
  { onDownload, signal }: LoadOptions,
): Promise<FileLock> {
  const part = join(dataRoot, `${variant.archive.file}.part`);
  const onWait = () => {
    const received = statSync(part, { throwIfNoEntry: false })?.size;
    if (received === undefined) return; // it unpacks
    onDownload?.({ url: archiveUrl(variant), received, total: undefined });
  };
  try {
    return await FileLock.wait(join(dataRoot, `.${variant.folder}.lock`), { onWait, signal });
  } catch (cause) {
    throwIfAborted(signal, LOADING);
    throw outputError(dataRoot, cause);
  }
}

async function downloadArchive(
  variant: CifarVariant,
  dataRoot: string,
  { onDownload, signal }: LoadOptions,
): Promise<void> {
  const { file, md5, url: published } = variant.archive;
  const url = archiveUrl(variant);
  const target = join(dataRoot, file);
  const byHand =
    `Or fetch ${published} by other means and put it at ${target}, ` +
    `or unpack it in ${dataRoot}, which gives ${join(dataRoot, variant.folder)}.`;
  await download({
    ...{ url, target, byHand, onProgress: onDownload, signal },
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

async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (cause) {
    throw outputError(path, cause);
  }
}

async function requireOfficial(
  { title, archive: { md5, url } }: CifarVariant,
  archive: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const actual = await checksumOf(archive, 'md5', signal).catch((cause: unknown) =>
    Promise.reject(unreadable(archive, cause)),
  );
  if (actual === md5) return;
  throw new MocoError(
    'ERR_MOCO_DATA',
    `${archive} is not the official archive of ${title}: its MD5 is ${actual}, expected ${md5}`,
    { hint: `Delete it to have it downloaded, or put a whole copy of ${url} in its place.` },
  );
}

/**
 * Unpacks an archive into the variant's folder, with a marker of its checksums beside the files.
 * The folder appears by a rename, whole and flushed; what is left of an interrupted run is cleared.
 */
async function unpackCifar(
  variant: CifarVariant,
  archive: string,
  dataRoot: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const temporary = join(dataRoot, `.${variant.folder}.unpacking`);
  const folder = join(dataRoot, variant.folder);
  try {
    await rm(temporary, { recursive: true, force: true });
    const need = { what: `${variant.title}, unpacked,`, hint: SPACE_HINT };
    await requireSpace(dataRoot, unpackedBytes(variant), need);
    await mkdir(temporary);
    await extractFiles(variant, archive, temporary);
    throwIfAborted(signal, LOADING);
    await requireCifarFiles(variant, temporary);
    await writeMarker(variant, temporary, signal);
    await flush(temporary);
    await rename(temporary, folder);
    await flush(dataRoot);
  } catch (cause) {
    await rm(temporary, { recursive: true, force: true }).catch(() => {}); // the first failure counts
    throw outputError(folder, cause);
  }
}

/** Takes the data files and the list of names out of the archive, and nothing else. */
async function extractFiles(variant: CifarVariant, archive: string, target: string): Promise<void> {
  const limits = sizeLimits(variant);
  await extract({
    file: archive,
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
function sizeLimits(variant: CifarVariant): Map<string, number> {
  const limits = new Map([[`${variant.folder}/${variant.classFile}`, MAX_NAMES]]);
  for (const { files, recordsPerFile } of [variant.train, variant.test]) {
    for (const file of files) {
      limits.set(`${variant.folder}/${file}`, recordsPerFile * recordBytes(variant));
    }
  }
  return limits;
}

function unpackedBytes(variant: CifarVariant): number {
  return [...sizeLimits(variant).values()].reduce((sum, bytes) => sum + bytes, 0);
}

/** Takes down the checksums of the data files, and flushes them on the way. */
async function writeMarker(
  variant: CifarVariant,
  folder: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const sha256: Record<string, string> = {};
  for (const file of [...variant.train.files, ...variant.test.files]) {
    sha256[file] = await checksumOf(join(folder, file), 'sha256', signal);
    await flush(join(folder, file));
  }
  const { file: archive, md5 } = variant.archive;
  const marker: CifarMarker = { archive, md5, sha256 };
  const path = join(folder, MARKER_FILE);
  await writeFile(path, `${JSON.stringify(marker, undefined, 2)}\n`);
  await flush(path);
}
