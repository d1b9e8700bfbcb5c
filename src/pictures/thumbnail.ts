import { loadSharp } from './sharp.js';

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
