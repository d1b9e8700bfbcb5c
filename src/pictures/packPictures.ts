import { z } from 'zod';
import * as check from '../arguments/check.js';
import { absolute } from '../arguments/paths.js';
import { storedSizeFor } from '../data/storedSize.js';
import { MocoError } from '../error.js';
import { labelsFrom } from './folderSource.js';
import type { PackOptions } from './pack.js';
import { type FolderRequest, packFolders } from './packedFor.js';
import { MAX_SIDE } from './packedMeta.js';
import { type PicturesSummary, summaryOf } from './summary.js';

/** How pictures in folders get labels, splits and a size; what is left out is as `moco train` has it. */
export interface PictureRules {
  /** `none` (default), `folders`, or the path of a CSV or JSON-lines file. */
  readonly labels?: string | undefined;
  /** `auto` (default), `folders` or `fraction`. */
  readonly split?: 'auto' | 'folders' | 'fraction' | undefined;
  /** Share of the test pictures, with a split by fraction. Default: 0.1. */
  readonly testFraction?: number | undefined;
  readonly splitSeed?: number | undefined;
  /** Of the views that the pictures are for. Default: 64. */
  readonly imageSize?: number | undefined;
  /** Height and width of the stored pictures. Default: an eighth more than `imageSize` above 32. */
  readonly storedSize?: number | undefined;
}

export interface PackPicturesOptions extends PictureRules, PackOptions {
  /** Refuses folders with files that cannot be read. */
  readonly strict?: boolean | undefined;
}

/** The end of a packed file's name. */
const ENDING = '.moco';

const number = (schema: z.ZodType, message: string) =>
  z.custom((value) => schema.safeParse(value).success, message).optional();

/** The checks of `PictureRules`. */
export const PICTURE_RULES = {
  labels: check.path.optional(),
  split: check.oneOf(['auto', 'folders', 'fraction']),
  testFraction: number(z.number().min(0).max(1), 'a number from 0 to 1'),
  splitSeed: number(z.int().min(0), 'a whole number from 0 on'),
  imageSize: number(z.int().min(1).max(MAX_SIDE), `a whole number from 1 to ${MAX_SIDE}`),
  storedSize: number(z.int().min(1).max(MAX_SIDE), `a whole number from 1 to ${MAX_SIDE}`),
};

export const aList = z.custom<readonly string[]>(
  (value) => Array.isArray(value) && value.length > 0 && value.every((item) => isPath(item)),
  'a list of paths',
);

const ARGUMENTS = {
  folders: aList,
  out: check.path,
  options: check.options<PackPicturesOptions>({
    ...PICTURE_RULES,
    strict: check.flag,
    onProgress: check.callback,
    signal: check.signal,
  }),
};

/**
 * Packs folders of pictures into one file, unless it holds them already as they are now; `train` and
 * the other commands take it in place of the folders. It is written block by block, beside the file
 * that may be there, and a call that was ended goes on the next time.
 * @param out path of the packed file, which ends in `.moco`
 * @throws MocoError `ERR_MOCO_DATA` for a wrong folder or table of labels, where sharp is missing, and
 *   with `strict` where a file is broken; `ERR_MOCO_OUTPUT`, `ERR_MOCO_CONFIG`, `ERR_MOCO_ABORTED`
 */
export async function packPictures(
  folders: readonly string[],
  out: string,
  options: PackPicturesOptions = {},
): Promise<PicturesSummary> {
  check.requireArguments('packPictures', ARGUMENTS, { folders, out, options });
  const { strict = false, onProgress, signal, ...rules } = options;
  if (!out.endsWith(ENDING)) throw wrongEnding(out);
  const request = { ...folderRequest(folders, rules), strict };
  return await summaryOf(await packFolders(request, absolute(out), { onProgress, signal }));
}

/** What the functions below the API take, with every default filled in. */
export function folderRequest(
  folders: readonly string[],
  { labels = 'none', split = 'auto', testFraction = 0.1, splitSeed = 0, ...sizes }: PictureRules,
): FolderRequest {
  const { imageSize = 64, storedSize = storedSizeFor(imageSize) } = sizes;
  const table = labelsFrom(labels) === 'table' ? absolute(labels) : labels;
  return {
    folders: folders.map(absolute),
    ...{ labels: table, split, testFraction, splitSeed, imageSize, storedSize, strict: false },
  };
}

function isPath(value: unknown): boolean {
  return check.path.safeParse(value).success;
}

function wrongEnding(out: string): MocoError {
  return new MocoError('ERR_MOCO_CONFIG', `a packed file is to be written to ${out}`, {
    hint: `Name a file that ends in ${ENDING}, so that no other one is replaced.`,
  });
}
