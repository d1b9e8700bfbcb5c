import { type ImageFormat, type ImageHeader, imageHeader } from './imageHeader.js';
import { loadSharp, type Sharp } from './sharp.js';
import type { StoredPicture, Unreadable } from './source.js';

/** The most pixels of a picture, which are in memory where one has to be turned: 134 million. */
const MAX_PIXELS = 2 ** 27;

const TOO_MANY = `it has more than ${MAX_PIXELS} pixels`;

/** What alpha is blended with. */
const BACKGROUND = '#ffffff';

/** Samples that have a fixed range. That of others is a convention of who wrote them. */
const SAMPLES: readonly string[] = ['uchar', 'ushort'];

type DecodedPicture = Omit<StoredPicture, 'hash'>;

/**
 * Decodes a picture to `side` × `side` pixels of 8-bit sRGB: the first frame or page, turned as its
 * EXIF says, alpha blended with white, of 16-bit samples the upper 8. The shorter side is resized to
 * `side` (Lanczos with three lobes, as sharp does it), and the middle is taken. A picture that has
 * this size already stays as it is.
 * @param bytes of the file
 * @returns the reason where it cannot be decoded, or is damaged
 */
export async function decodePicture(
  bytes: Buffer,
  side: number,
): Promise<DecodedPicture | Unreadable> {
  const header = headerOf(bytes);
  if ('reason' in header) return header;
  const sharp = await loadSharp();
  try {
    const size = header.size ?? (await sizeByDecoder(sharp, bytes));
    if ('reason' in size) return size;
    return { ...(await storedPixels(sharp, bytes, side)), format: header.format, ...size };
  } catch (error) {
    return { reason: reasonOf(error, header.format) };
  }
}

/** Pixels: 8 bits per channel, row by row, the channels of a pixel together. */
export interface Pixels {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3 | 4;
}

/**
 * Brings pixels to `side` × `side` of sRGB, as `decodePicture` does it with those of a file.
 * @param pixels as many as their size says
 * @returns the reason where there are too many of them
 */
export async function resizePixels(pixels: Pixels, side: number): Promise<Uint8Array | Unreadable> {
  const { data, ...raw } = pixels;
  if (raw.width * raw.height > MAX_PIXELS) return { reason: TOO_MANY };
  const sharp = await loadSharp();
  return await sideBySide(sharp(data, { ...input, raw }), side);
}

/**
 * Tells the size of a picture as it is stored, without decoding it.
 * @returns the reason where that cannot be told
 */
export async function pictureSize(
  bytes: Buffer,
): Promise<{ width: number; height: number } | Unreadable> {
  const header = headerOf(bytes);
  if ('reason' in header) return header;
  if (header.size !== undefined) return header.size;
  const sharp = await loadSharp();
  try {
    return await sizeByDecoder(sharp, bytes);
  } catch (error) {
    return { reason: reasonOf(error, header.format) };
  }
}

function headerOf(bytes: Buffer): ImageHeader | Unreadable {
  if (bytes.length === 0) return { reason: 'the file is empty' };
  return imageHeader(bytes) ?? { reason: 'its content is no JPEG, PNG, WebP, TIFF, AVIF or GIF' };
}

const input = { failOn: 'error', autoOrient: true, limitInputPixels: MAX_PIXELS } as const;

async function storedPixels(
  sharp: Sharp,
  bytes: Buffer,
  side: number,
): Promise<{ pixels: Uint8Array }> {
  return { pixels: await sideBySide(sharp(bytes, input), side) };
}

async function sideBySide(picture: ReturnType<Sharp>, side: number): Promise<Uint8Array> {
  const { data, info } = await picture
    .flatten({ background: BACKGROUND })
    .resize(side, side, { fit: 'cover' })
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  if (info.channels !== 3) throw new Error(`it has ${info.channels} channels after the conversion`);
  return data;
}

async function sizeByDecoder(
  sharp: Sharp,
  bytes: Buffer,
): Promise<{ width: number; height: number } | Unreadable> {
  const { depth, width, height } = await sharp(bytes, input).metadata();
  if (!SAMPLES.includes(depth)) {
    return {
      reason: `its samples are of the type ${depth}: only whole numbers of 8 or 16 bits are read`,
    };
  }
  return { width, height };
}

/**
 * Says that the decoder failed, without its own words: libvips collects those of all pictures that are
 * decoded at the time in one place, and they may belong to another one.
 */
function reasonOf(error: unknown, format: ImageFormat): string {
  const { message } = error as Error;
  return message.includes('exceeds pixel limit') ? TOO_MANY : `damaged or unsupported ${format}`;
}
