import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { types } from 'node:util';
import { absolute } from '../arguments/paths.js';
import { decodePicture, type Pixels, resizePixels } from '../pictures/decode.js';
import { MAX_BYTES, readPictureFile, TOO_LARGE } from '../pictures/readFile.js';
import type { Unreadable } from '../pictures/source.js';
import type { PictureInput, RawPicture } from './encoder.js';
import { beforeAbort } from './ending.js';
import type { Places } from './places.js';

/** A picture as it was when a call was given it: what is in memory is a copy. */
export type Captured =
  | Stored
  | { readonly kind: 'stream'; readonly stream: AsyncIterable<unknown> }
  | { readonly kind: 'wrong'; readonly reason: string };

/** A picture that is all there. */
type Stored =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  | { readonly kind: 'pixels'; readonly pixels: Pixels };

/** Whether a value is a picture, as far as its type tells. */
export function isPictureInput(value: unknown): value is PictureInput {
  if (typeof value === 'string') return value !== '' && !value.includes('\0');
  if (typeof value !== 'object' || value === null) return false;
  if (value instanceof URL) return value.protocol === 'file:';
  return types.isUint8Array(value) || isStream(value) || isRaw(value);
}

function isStream(value: object): value is AsyncIterable<unknown> {
  return typeof (value as Partial<AsyncIterable<unknown>>)[Symbol.asyncIterator] === 'function';
}

function isRaw(value: object): value is RawPicture {
  return ['data', 'width', 'height', 'channels'].every((key) => key in value);
}

/** Takes a picture as it is now. */
export function capture(picture: PictureInput): Captured {
  if (typeof picture === 'string') return { kind: 'file', path: absolute(picture) };
  if (picture instanceof URL) return fileOf(picture);
  if (types.isUint8Array(picture)) return { kind: 'bytes', bytes: Buffer.from(picture) };
  if (!isStream(picture)) return capturedPixels(picture);
  // An error that comes before the stream is read would otherwise end the process.
  if ('on' in picture) picture.on('error', () => {});
  return { kind: 'stream', stream: picture };
}

function fileOf(url: URL): Captured {
  try {
    return { kind: 'file', path: fileURLToPath(url) };
  } catch (error) {
    return { kind: 'wrong', reason: (error as Error).message };
  }
}

function capturedPixels({ data, width, height, channels }: RawPicture): Captured {
  const isSide = (length: number) => Number.isSafeInteger(length) && length > 0;
  if (!(types.isUint8Array(data) || types.isUint8ClampedArray(data))) {
    return { kind: 'wrong', reason: 'its data is no Uint8Array' };
  }
  if (!isSide(width) || !isSide(height)) {
    return { kind: 'wrong', reason: `its size is no ${width} × ${height} pixels` };
  }
  if (![1, 3, 4].includes(channels)) {
    return { kind: 'wrong', reason: `it has ${channels} channels, and not 1, 3 or 4` };
  }
  const bytes = width * height * channels;
  if (data.length !== bytes) {
    const reason = `its data has ${data.length} bytes: ${width} × ${height} × ${channels} are ${bytes}`;
    return { kind: 'wrong', reason };
  }
  return { kind: 'pixels', pixels: { data: new Uint8Array(data), width, height, channels } };
}

/**
 * Makes the pixels that an encoder is given of a picture: see `decodePicture`.
 * @param decoders how many pictures are decoded at a time
 * @returns side × side × 3 bytes, or the reason why the picture cannot be read
 * @throws the signal's reason, as soon as it is given
 */
export async function readPicture(
  picture: Captured,
  side: number,
  decoders: Places,
  signal: AbortSignal,
): Promise<Uint8Array | Unreadable> {
  if (picture.kind === 'wrong') return picture;
  if (picture.kind === 'pixels' && fits(picture.pixels, side)) return picture.pixels.data;
  // A stream may take its time, and must not keep others from being decoded meanwhile.
  const stored = picture.kind === 'stream' ? await readStream(picture.stream, signal) : picture;
  if ('reason' in stored) return stored;
  const place = await decoders.take(1, signal);
  const decoding = decoded(stored, side).finally(() => place[Symbol.dispose]());
  return await beforeAbort(decoding, signal);
}

/** Whether pixels are as the encoder takes them. */
function fits({ width, height, channels }: Pixels, side: number): boolean {
  return width === side && height === side && channels === 3;
}

async function decoded(picture: Stored, side: number): Promise<Uint8Array | Unreadable> {
  if (picture.kind === 'pixels') return await resizePixels(picture.pixels, side);
  const bytes = picture.kind === 'file' ? await readPictureFile(picture.path) : picture.bytes;
  if ('reason' in bytes) return bytes;
  const result = await decodePicture(bytes, side);
  return 'reason' in result ? result : result.pixels;
}

/** All bytes of a stream, which is ended where they are too many, or the signal is given. */
async function readStream(
  stream: AsyncIterable<unknown>,
  signal: AbortSignal,
): Promise<Stored | Unreadable> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  let iterator: AsyncIterator<unknown> | undefined;
  try {
    iterator = stream[Symbol.asyncIterator]();
    for (;;) {
      const { done, value } = await beforeAbort(iterator.next(), signal);
      if (done) return { kind: 'bytes', bytes: Buffer.concat(chunks, length) };
      if (!types.isUint8Array(value)) return { reason: 'its stream gives no bytes' };
      length += value.length;
      if (length > MAX_BYTES) return TOO_LARGE;
      chunks.push(value.slice());
    }
  } catch (error) {
    signal.throwIfAborted();
    return { reason: `its stream failed: ${(error as Error).message}` };
  } finally {
    // Not waited for: an iterator that is busy ends only after its next chunk.
    iterator?.return?.()?.catch?.(() => {});
    if ('destroy' in stream) (stream as Readable).destroy();
  }
}
