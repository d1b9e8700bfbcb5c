import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { shown } from '../arguments/shown.js';
import type { ServiceLimits } from '../config/serveConfig.js';
import type { RawPicture } from '../embed/encoder.js';
import { formFiles, tooMany } from './formFiles.js';
import { RequestError, SEE_DOCUMENT } from './requestError.js';
import { type PixelQuery, parsed, picturesBody } from './schemas.js';

/** A picture of a request: a file's bytes, or pixels. */
export interface RequestPicture {
  /** How errors call it: `pictures[1]`, with the file's name where the client gave one. */
  readonly name: string;
  readonly picture: Buffer | RawPicture;
}

type Limits = Pick<ServiceLimits, 'maxBody' | 'maxPictures'>;

/**
 * The pictures of a request, whatever form its body has. No path is ever read, whatever a client
 * calls a file.
 * @param pixels what the query says of a body that holds pixels
 * @throws RequestError 400, 413 or 415
 */
export async function requestPictures(
  request: FastifyRequest,
  pixels: PixelQuery,
  limits: Limits,
): Promise<RequestPicture[]> {
  if (request.isMultipart()) return await formPictures(request, limits);
  const { body } = request;
  if (body === undefined || body === null) throw noPictures();
  const pictures = Buffer.isBuffer(body) ? bodyPictures(body, pixels) : jsonPictures(body, limits);
  requireFew(pictures.length, limits);
  return pictures.map((picture, index) => ({ name: `pictures[${index}]`, picture }));
}

async function formPictures(
  request: FastifyRequest,
  { maxBody, maxPictures }: Limits,
): Promise<RequestPicture[]> {
  const files = await formFiles(request, { bytes: maxBody * 1e6, files: maxPictures });
  if (files.length === 0) throw noPictures();
  return files.map(({ filename, bytes }, index) => ({
    name: `pictures[${index}] (${shown(filename)})`,
    picture: bytes,
  }));
}

function requireFew(count: number, { maxPictures }: Pick<Limits, 'maxPictures'>): void {
  if (count > maxPictures) throw tooMany(maxPictures);
}

function noPictures(): RequestError {
  return new RequestError(400, 'invalid_request', 'the request has no pictures', {
    hint: 'Send a form with files, a picture as the body, or JSON with { "pictures": [base64, …] }.',
  });
}

/** A body that is one file, or, where the query tells their size, pixels of one or more pictures. */
function bodyPictures(body: Buffer, pixels: PixelQuery): (Buffer | RawPicture)[] {
  if (body.length === 0) throw noPictures();
  const { width, height, channels } = pixels;
  if (width === undefined && height === undefined) return [body];
  if (width === undefined || height === undefined) {
    throw invalid('query: raw pixels need width and height, given one of them');
  }
  const size = width * height * channels;
  if (body.length % size !== 0) {
    const expected = `a multiple of ${size} bytes (${height} × ${width} × ${channels})`;
    throw invalid(`body: expected ${expected}, given ${body.length}`);
  }
  return Array.from({ length: body.length / size }, (_, index) => ({
    ...{ width, height, channels },
    data: body.subarray(index * size, (index + 1) * size),
  }));
}

function jsonPictures(body: unknown, limits: Limits): (Buffer | RawPicture)[] {
  const { pictures } = body as { pictures?: unknown };
  if (Array.isArray(pictures)) requireFew(pictures.length, limits);
  const items = parsed(picturesBody, 'body', body).pictures;
  return items.map((item, index) => {
    const place = `body.pictures.${index}`;
    return typeof item === 'string' ? bytesOf(item, place) : pixelsOf(item, place);
  });
}

type JsonPixels = Exclude<z.output<typeof picturesBody>['pictures'][number], string>;

function pixelsOf(item: JsonPixels, place: string): RawPicture {
  const { width, height, channels } = item;
  const data = bytesOf(item.data, `${place}.data`);
  const size = width * height * channels;
  if (data.length === size) return { ...{ width, height, channels }, data };
  throw invalid(`${place}.data: expected ${size} bytes, given ${data.length}`);
}

/** Node skips what is not base64; then the bytes are too few. */
function bytesOf(text: string, place: string): Buffer {
  const bytes = Buffer.from(text, 'base64');
  const digits = text.endsWith('==') ? text.length - 2 : text.length - Number(text.endsWith('='));
  if (bytes.length > 0 && bytes.length === Math.floor((digits * 3) / 4)) return bytes;
  throw invalid(`${place}: expected base64, given other text`);
}

function invalid(message: string): RequestError {
  return new RequestError(400, 'invalid_request', message, {
    hint: SEE_DOCUMENT,
  });
}
