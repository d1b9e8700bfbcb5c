import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { throwIfAborted } from '../abort.js';
import { whileListening } from '../download/whileListening.js';
import { MocoError } from '../error.js';
import { type FolderRules, folderSource, labelsFrom, type PictureSizes } from './folderSource.js';
import { openPacked, type PackedPictures } from './openPacked.js';
import {
  brokenLines,
  type LockedPackaging,
  type PackOptions,
  packLock,
  packSource,
  removePackLeftovers,
} from './pack.js';
import { quietSharp, sharpVersion } from './sharp.js';
import type { PictureSource } from './source.js';

/** Pictures in folders, and how they are packed. */
export interface FolderRequest extends FolderRules, PictureSizes {
  /** Absolute paths. */
  readonly folders: readonly string[];
  /** Refuses folders with files that cannot be read. */
  readonly strict: boolean;
}

/** Which pictures to find, or to pack. */
export interface PackedRequest extends Omit<FolderRequest, 'folders'> {
  /**
   * Absolute paths: folders, or one packed file, which is taken as it was made: labels and split may
   * only be named where they are the same.
   */
  readonly data: readonly string[];
  /** Packed files of folders lie below it. */
  readonly dataRoot: string;
}

/**
 * The packed file of folders of pictures: one that was made before, while nothing in the folders has
 * changed, or it is made. Where `data` is one packed file, that one is opened.
 * @throws MocoError `ERR_MOCO_DATA` for a wrong folder, file or table, where sharp is missing, and
 *   with `strict` where something is broken; `ERR_MOCO_OUTPUT`, `ERR_MOCO_ABORTED`
 */
export async function packedFor(
  { data, dataRoot, ...rules }: PackedRequest,
  options: PackOptions = {},
): Promise<PackedPictures> {
  const file = await onlyFile(data);
  if (file !== undefined) return await openAsAsked(file, rules);
  const request = { folders: data, ...rules };
  return await packFolders(request, pathBelow(dataRoot, request), options);
}

/**
 * Packs folders into a file, unless it holds them already as they are now.
 * @param path of the packed file
 * @throws MocoError as `packedFor`
 */
export async function packFolders(
  request: FolderRequest,
  path: string,
  options: PackOptions = {},
): Promise<PackedPictures> {
  const { folders, strict } = request;
  throwIfAborted(options.signal, 'packing');
  const source = await folderSource(folders, request, request, options.signal);
  const packed = await packedOnce(source, path, options, async (packaging) => {
    using _quiet = await quietSharp();
    const sharp = await sharpVersion();
    await packSource(source, path, { strict, sharp }, packaging);
  });
  return strict ? requireWhole(packed) : packed;
}

/** The packed file of a source, which `make` makes where it is not there as it should be. */
export async function packedOnce(
  source: PictureSource,
  path: string,
  { onProgress, signal }: PackOptions,
  make: (packaging: LockedPackaging) => Promise<void>,
): Promise<PackedPictures> {
  const before = await upToDate(source, path);
  if (before !== undefined) {
    await removePackLeftovers(path);
    return before;
  }
  return await whileListening(onProgress, signal, async (tell, signal) => {
    using lock = await packLock(path, { tell, signal });
    const meanwhile = await upToDate(source, path);
    if (meanwhile !== undefined) return meanwhile;
    await make({ tell, signal, lock });
    return await openPacked(path);
  });
}

/** What lies there, where it was made of just this; a damaged file is made again. */
async function upToDate(
  { fingerprint, side, imageSize }: PictureSource,
  path: string,
): Promise<PackedPictures | undefined> {
  if ((await stat(path).catch(() => undefined)) === undefined) return undefined;
  const packed = await openPacked(path).catch(() => undefined);
  if (packed === undefined) return undefined;
  const { listing, ...sizes } = packed.meta;
  const areSame = sizes.storedSize === side && sizes.imageSize === imageSize;
  return listing === fingerprint && areSame ? packed : undefined;
}

/**
 * Opens a packed file.
 * @throws MocoError `ERR_MOCO_DATA` where it was made by other rules than those asked for
 */
export async function openAsAsked(
  path: string,
  { labels, split, strict }: Pick<PackedRequest, 'labels' | 'split' | 'strict'>,
): Promise<PackedPictures> {
  const packed = await openPacked(path);
  const { meta } = packed;
  if (labels !== 'none' && labelsFrom(labels) !== meta.labels) {
    throw otherRules(path, 'labels', meta.labels, labels);
  }
  if (split !== 'auto' && split !== meta.split) throw otherRules(path, 'split', meta.split, split);
  return strict ? requireWhole(packed) : packed;
}

function otherRules(path: string, rule: string, made: string, asked: string): MocoError {
  const message = `${path} was packed with --${rule} ${made}, and not with ${asked}`;
  const hint = `Leave --${rule} out, or pack the folder again with it.`;
  return new MocoError('ERR_MOCO_DATA', message, { hint });
}

/** The file where that is all that was named. @throws MocoError where a file is among folders */
export async function onlyFile(data: readonly string[]): Promise<string | undefined> {
  for (const path of data) {
    const found = await stat(path).catch(() => undefined); // looking for pictures says what is wrong
    if (!found?.isFile()) continue;
    if (data.length === 1) return path;
    throw new MocoError('ERR_MOCO_DATA', `${path} is a file, among ${data.length} paths`, {
      hint: 'Name folders, or one file that `moco data pack` made.',
    });
  }
  return undefined;
}

function pathBelow(dataRoot: string, request: FolderRequest): string {
  const { folders, storedSize, imageSize, labels, split, testFraction, splitSeed } = request;
  const made = JSON.stringify([folders, imageSize, labels, split, testFraction, splitSeed]);
  const key = createHash('sha256').update(made).digest('hex').slice(0, 8);
  const name = basename(folders[0] ?? '').replace(/[^\p{L}\p{N}._-]/gu, '_') || 'pictures';
  return join(dataRoot, 'packed', `${name}-${storedSize}-${key}.moco`);
}

/** @throws MocoError `ERR_MOCO_DATA` where files were left out */
function requireWhole(packed: PackedPictures): PackedPictures {
  const { path, broken } = packed;
  if (broken.length === 0) return packed;
  throw new MocoError(
    'ERR_MOCO_DATA',
    `${path}: ${broken.length} broken when it was packed\n${brokenLines(broken)}`,
    { hint: 'Repair or remove them, or go on without them by leaving --strict out.' },
  );
}
