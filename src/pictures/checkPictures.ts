import { throwIfAborted } from '../abort.js';
import * as check from '../arguments/check.js';
import { absolute } from '../arguments/paths.js';
import { whileListening } from '../download/whileListening.js';
import { withInputFile } from '../formats/inputFile.js';
import { asData } from '../formats/mocoFile.js';
import { openPacked, PACKED, type PackedPictures } from './openPacked.js';
import type { Packaging, PackOptions } from './pack.js';
import { pictureBytes } from './packedMeta.js';
import { Reports } from './reports.js';

/** Some pictures of a packed file whose bytes are not those that were written. */
export interface DamagedBlock {
  /** Numbers of the first picture and of the one after the last, in the file. */
  readonly first: number;
  readonly end: number;
  /** The files that the pictures were made of. */
  readonly names: readonly string[];
}

/** How a packed file was found. */
export interface PicturesCheck {
  readonly path: string;
  /** Whether every checksum is right. */
  readonly intact: boolean;
  /** Number of pictures, and of the blocks that have a checksum. */
  readonly count: number;
  readonly blocks: number;
  readonly damaged: readonly DamagedBlock[];
}

const ARGUMENTS = {
  path: check.path,
  options: check.options<PackOptions>({ onProgress: check.callback, signal: check.signal }),
};

/**
 * Reads a packed file and compares everything with its checksum.
 * @throws MocoError `ERR_MOCO_DATA` where it is no packed file, or where its header, or what it says
 *   of the pictures, is damaged: then not even their names are known; `ERR_MOCO_CONFIG`,
 *   `ERR_MOCO_ABORTED`
 */
export async function checkPictures(
  path: string,
  options: PackOptions = {},
): Promise<PicturesCheck> {
  check.requireArguments('checkPictures', ARGUMENTS, { path, options });
  const { onProgress, signal } = options;
  throwIfAborted(signal, 'the check');
  const packed = await openPacked(absolute(path));
  const names = await packed.names();
  return await whileListening(onProgress, signal, async (tell, signal) => {
    const damaged = await damagedBlocks(packed, names, { tell, signal });
    const { count } = packed.pixels;
    const intact = damaged.length === 0;
    return { path: packed.path, intact, count, blocks: packed.checksums.length, damaged };
  });
}

async function damagedBlocks(
  { path, pixels, checksums, meta: { block } }: PackedPictures,
  names: readonly string[],
  { tell, signal }: Packaging,
): Promise<DamagedBlock[]> {
  const { offset, count, side } = pixels;
  const bytes = pictureBytes(side);
  const damaged: DamagedBlock[] = [];
  const reports = new Reports(path, 0, count, tell);
  const read = async () =>
    await withInputFile(path, async (file) => {
      for (const [number, expected] of checksums.entries()) {
        throwIfAborted(signal, `the check of ${path}`);
        const [first, end] = [number * block, Math.min(count, (number + 1) * block)];
        const found = await file.crc32(offset + first * bytes, (end - first) * bytes);
        if (found !== expected) damaged.push({ first, end, names: names.slice(first, end) });
        reports.report(end, 0);
      }
    });
  await asData(PACKED.hint, read);
  return damaged;
}
