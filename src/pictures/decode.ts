import { type ImageFormat, imageHeader } from './imageHeader.js';
import { loadSharp, type Sharp } from './sharp.js';
import type { StoredPicture, Unreadable } from './source.js';

/** The most pixels of a picture, which are in memory where one has to be turned: 134 million. */
const MAX_PIXELS = 2 ** 27;

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
  if (bytes.length === 0) return { reason: 'the file is empty' };
  const header = imageHeader(bytes);
  if (header === undefined) {
    return { reason: 'its content is no JPEG, PNG, WebP, TIFF, AVIF or GIF' };
  }
  const sharp = await loadSharp();
  try {
    const size = header.size ?? (await sizeByDecoder(sharp, bytes));
    if ('reason' in size) return size;
    return { ...(await storedPixels(sharp, bytes, side)), format: header.format, ...size };
  } catch (error) {
    return { reason: reasonOf(error, header.format) };
  }
}

const input = { failOn: 'error', autoOrient: true, limitInputPixels: MAX_PIXELS } as const;

async function storedPixels(
  sharp: Sharp,
  bytes: Buffer,
  side: number,
): Promise<{ pixels: Uint8Array }> {
  const { data, info } = await sharp(bytes, input)
    .flatten({ background: BACKGROUND })
    .resize(side, side, { fit: 'cover' })
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  if (info.channels !== 3) throw new Error(`it has ${info.channels} channels after the conversion`);
  return { pixels: data };
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

/** What the decoder says, in one short line. */
function reasonOf(error: unknown, format: ImageFormat): string {
  const { message } = error as Error;
  if (message.includes('exceeds pixel limit')) return `it has more than ${MAX_PIXELS} pixels`;
  const [line = ''] = message
    .replace(/^Input buffer (?:has corrupt header|contains unsupported image format)(?:: )?/, '')
    .split('\n');
  return `damaged or unsupported ${format}${line === '' ? '' : `: ${line.slice(0, 120)}`}`;
}
