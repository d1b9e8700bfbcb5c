/** The formats that are read. */
export type ImageFormat = 'jpeg' | 'png' | 'webp' | 'gif' | 'tiff' | 'avif';

/** What the first bytes of a file say. */
export interface ImageHeader {
  readonly format: ImageFormat;
  /** Of the picture as it is stored; undefined where it takes a decoder to tell. */
  readonly size: { readonly width: number; readonly height: number } | undefined;
}

/** How files begin, in hexadecimal digits. */
const SIGNATURES: readonly (readonly [start: RegExp, format: ImageFormat])[] = [
  [/^ffd8ff/, 'jpeg'],
  [/^89504e470d0a1a0a/, 'png'],
  [/^47494638(?:37|39)61/, 'gif'],
  [/^52494646.{8}57454250/, 'webp'],
  [/^(?:49492a00|4d4d002a|49492b00|4d4d002b)/, 'tiff'],
  [/^.{8}66747970/, 'avif'],
];

const SIGNATURE_BYTES = 12;

/** Markers of JPEG that hold the size: all "start of frame"; C4, C8 and CC are others. */
const isFrame = (marker: number) =>
  marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);

/** Tells a picture's format by its content, and its size where that is cheap. */
export function imageHeader(bytes: Buffer): ImageHeader | undefined {
  const start = bytes.toString('hex', 0, SIGNATURE_BYTES);
  const format = SIGNATURES.find(([signature]) => signature.test(start))?.[1];
  return format && { format, size: sizeOf(format, bytes) };
}

function sizeOf(format: ImageFormat, bytes: Buffer): ImageHeader['size'] {
  if (format === 'jpeg') return jpegSize(bytes);
  if (format === 'png' && bytes.length >= 24) {
    return { width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) };
  }
  return undefined;
}

/** Goes from segment to segment: a marker, and the length of what follows. */
function jpegSize(bytes: Buffer): ImageHeader['size'] {
  for (let at = 2; at + 9 <= bytes.length; ) {
    if (bytes[at] !== 0xff) return undefined;
    const marker = bytes.readUInt8(at + 1);
    if (isFrame(marker)) {
      return { width: bytes.readUInt16BE(at + 7), height: bytes.readUInt16BE(at + 5) };
    }
    at += marker === 0xff ? 1 : 2 + bytes.readUInt16BE(at + 2);
  }
  return undefined;
}
