import type { Readable } from 'node:stream';
// For its types alone: it adds `isMultipart` and `parts` to requests.
import type {} from '@fastify/multipart';
import type { FastifyRequest } from 'fastify';
import { RequestError, SEE_DOCUMENT } from './requestError.js';

/** A file in a form. */
export interface FormFile {
  /** As the client calls it. */
  readonly filename: string;
  readonly bytes: Buffer;
}

interface FormLimits {
  /** Bytes of all files together. */
  readonly bytes: number;
  readonly files: number;
}

/**
 * The files of a form (`multipart/form-data`), which are read into memory, one after the other.
 * @throws RequestError 400 for a form that has other things than files, 413 for one that is too large
 */
export async function formFiles(request: FastifyRequest, limits: FormLimits): Promise<FormFile[]> {
  if (Number(request.headers['content-length'] ?? 0) > limits.bytes) throw tooLarge(limits.bytes);
  try {
    return await readFiles(request, limits);
  } catch (error) {
    if (error instanceof RequestError) throw error;
    const message = `the form cannot be read: ${(error as Error).message}`;
    throw new RequestError(400, 'invalid_request', message, { hint: SEE_DOCUMENT, cause: error });
  }
}

async function readFiles(request: FastifyRequest, limits: FormLimits): Promise<FormFile[]> {
  const files: FormFile[] = [];
  let left = limits.bytes;
  // One more of each than is allowed, so that it is here that a request is refused.
  const most = { files: limits.files + 1, fields: 1, parts: limits.files + 2, fileSize: left + 1 };
  for await (const part of request.parts({ limits: most })) {
    if (part.type === 'field') throw notAFile(part.fieldname);
    if (files.length === limits.files) throw tooMany(limits.files);
    const bytes = await read(part.file, left, limits);
    left -= bytes.length;
    files.push({ filename: part.filename, bytes });
  }
  return files;
}

async function read(file: Readable, most: number, limits: FormLimits): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of file) {
    size += (chunk as Buffer).length;
    if (size > most) throw tooLarge(limits.bytes);
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}

function notAFile(name: string): RequestError {
  const message = `the field ${JSON.stringify(name.slice(0, 60))} of the form is no file`;
  return new RequestError(400, 'invalid_request', message, {
    hint: 'Options stand in the query: curl -F picture=@cat.jpg "…/embed?normalize=true"',
  });
}

/** @param files that a request may have */
export function tooMany(files: number): RequestError {
  return new RequestError(413, 'too_large', `a request may have at most ${files} pictures`, {
    hint: 'Send several requests.',
  });
}

function tooLarge(bytes: number): RequestError {
  return new RequestError(413, 'too_large', `a request's body may have at most ${bytes} bytes`, {
    hint: 'Send several requests, or smaller pictures.',
  });
}
