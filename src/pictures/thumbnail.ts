import { readFile } from 'node:fs/promises';
import { decodePicture } from './decode.js';
import { loadSharp } from './sharp.js';

/** Side of the thumbnail of a file, in pixels: as large as pages show it, twice as dense. */
const SIDE = 192;

/**
 * A picture as a data URL, for a page that stands alone.
 * @param pixels side × side × 3 bytes
 * @throws MocoError `ERR_MOCO_DATA` where sharp is not installed
 */
export async function thumbnailOf(pixels: Uint8Array, side: number): Promise<string> {
  const sharp = await loadSharp();
  const raw = { width: side, height: side, channels: 3 } as const;
  const png = await sharp(pixels, { raw }).png().toBuffer();
  return `data:image/png;base64,${png.toString('base64')}`;
}

/**
 * The picture in a file as a data URL; undefined where it cannot be read.
 * @throws MocoError `ERR_MOCO_DATA` where sharp is not installed
 */
export async function thumbnailOfFile(path: string): Promise<string | undefined> {
  const bytes = await readFile(path).catch(() => undefined);
  if (bytes === undefined) return undefined;
  const picture = await decodePicture(bytes, SIDE);
  return 'reason' in picture ? undefined : await thumbnailOf(picture.pixels, SIDE);
}
