import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { flush } from '../disk/flush.js';
import { checksumOf } from '../download/checksum.js';
import { exists, requireCifarFiles } from './cifarFolder.js';
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
import {
  alone,
  downloadArchive,
  type PublishedArchive,
  requireOfficial,
  unpackArchive,
} from './publishedArchive.js';

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
  const binary = publishedArchive(variant, 'binary');
  return await alone(binary, dataRoot, options, async (lock) => {
    const made = await findCifar(variant, dataRoot);
    if (made !== undefined) return made;
    const lying = await lyingArchive(variant, dataRoot);
    if (lying !== undefined) {
      await requireOfficial(publishedArchive(variant, lying), dataRoot, signal);
      return await unpackCifar(variant, lying, dataRoot, signal);
    }
    await downloadArchive(binary, dataRoot, lock, options);
    const copy = await unpackCifar(variant, 'binary', dataRoot, signal);
    await rm(join(dataRoot, binary.file), { force: true });
    return copy;
  });
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

function publishedArchive(variant: CifarVariant, layout: CifarLayout): PublishedArchive {
  const { title, archive } = variant;
  return {
    ...{ title, folder: folderIn(variant, layout), limits: sizeLimits(variant, layout) },
    ...{ url: archive.url, urlVariable: archive.urlVariable, ...archiveIn(variant, layout) },
  };
}

/** Unpacks an archive; beside the files of the binary version lies a marker of their checksums. */
async function unpackCifar(
  variant: CifarVariant,
  layout: CifarLayout,
  dataRoot: string,
  signal: AbortSignal | undefined,
): Promise<CifarCopy> {
  const complete = async (folder: string) => {
    if (layout === 'binary') await requireCifarFiles(variant, folder);
    for (const file of dataFiles(variant, layout)) await flush(join(folder, file));
    if (layout === 'binary') await writeMarker(variant, folder, signal);
  };
  const archive = publishedArchive(variant, layout);
  return { folder: await unpackArchive(archive, dataRoot, complete, signal), layout };
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
