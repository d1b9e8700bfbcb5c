import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { outputError } from '../disk/outputError.js';
import { isError, MocoError } from '../error.js';
import { StallWatch } from './stallWatch.js';

/** How far a download is. */
export interface DownloadProgress {
  readonly url: string;
  /** Bytes on disk so far, those of an earlier, interrupted run included. */
  readonly received: number;
  /** Bytes in all; undefined where the server does not say. */
  readonly total: number | undefined;
  /**
   * The lock of another run that fetches the same file, which this one waits for; undefined where
   * this one downloads.
   */
  readonly waitingFor?: string | undefined;
}

export interface TransferOptions {
  readonly url: string;
  /** The file that grows. */
  readonly part: string;
  /** Milliseconds without a byte after which the connection is given up. */
  readonly stallTimeout: number;
  readonly signal: AbortSignal | undefined;
  /**
   * Called as soon as it is known how many bytes are missing, of how many; what it throws ends the
   * transfer, with the part as it was.
   */
  readonly beforeFirstByte: (missing: number, total: number) => Promise<void>;
  readonly onProgress: (progress: DownloadProgress) => void;
}

/** Why a connection brought no whole file, in words for the user. */
export class TransferError extends Error {
  constructor(
    message: string,
    /** Whether another connection may do better. */
    readonly canBeRetried: boolean,
    cause?: unknown,
  ) {
    super(message, { cause });
  }
}

/** Which bytes of the file an answer brings: those from `start` on, of `total`. */
interface Extent {
  readonly start: number;
  readonly total: number | undefined;
}

/** Brings a file over HTTP, with one connection per `run`. */
export class Transfer {
  readonly #options: TransferOptions;
  /** Whether the server ever answered: if not, another attempt is not worth the wait. */
  #hasAnswered = false;
  /** The entity tag of the version of the file whose bytes the part has; null while unknown. */
  #etag: string | null = null;

  constructor(options: TransferOptions) {
    this.#options = options;
  }

  /**
   * Asks for what follows the first `offset` bytes of the part and writes it there. Where the server
   * sends the whole file instead, the part starts anew.
   * @throws TransferError, MocoError `ERR_MOCO_OUTPUT` where the part cannot be written, the
   *   MocoError that `beforeFirstByte` throws
   */
  async run(offset: number): Promise<void> {
    const { part, stallTimeout, signal, beforeFirstByte } = this.#options;
    const watch = new StallWatch(stallTimeout, signal);
    let file: FileHandle | undefined;
    try {
      const response = await this.#request(offset, watch.signal);
      watch.sawLife();
      const extent = response.status === 416 ? undefined : extentOf(response, offset);
      if (extent?.total !== undefined) await beforeFirstByte(extent.total - offset, extent.total);
      file = await openPart(part); // not before, so that a failed request leaves nothing behind
      if (extent) await this.#write(response, extent, file, watch);
      else await endOfPart(response, offset, file);
    } catch (error) {
      if (error instanceof MocoError || error instanceof TransferError) throw error;
      throw new TransferError(watch.stalled ?? reasonOf(error), this.#hasAnswered, error);
    } finally {
      watch.stop();
      await file?.close();
    }
  }

  async #request(offset: number, signal: AbortSignal): Promise<Response> {
    // A compressed answer would be unpacked on the way, and its bytes are not those of the file.
    const headers = new Headers({ 'accept-encoding': 'identity' });
    if (offset > 0) headers.set('range', `bytes=${offset}-`);
    if (offset > 0 && this.#etag !== null) headers.set('if-range', this.#etag);
    const response = await fetch(this.#options.url, { headers, signal });
    this.#hasAnswered = true;
    const etag = response.headers.get('etag');
    this.#etag = etag?.startsWith('"') ? etag : null; // a weak one does not stand for the bytes
    return response;
  }

  async #write(
    response: Response,
    { start, total }: Extent,
    file: FileHandle,
    watch: StallWatch,
  ): Promise<void> {
    const { url, part, onProgress } = this.#options;
    const written = <T>(work: Promise<T>) =>
      work.catch((cause: unknown) => Promise.reject(outputError(part, cause)));
    await written(file.truncate(start));
    let received = start;
    onProgress({ url, received, total });
    for await (const chunk of bytesOf(response, watch.signal)) {
      watch.sawLife();
      await written(file.writeFile(chunk));
      received += chunk.length;
      onProgress({ url, received, total });
    }
    if (total === undefined) {
      onProgress({ url, received, total: received });
    } else if (received !== total) {
      throw new TransferError(`the connection ended after ${received} of ${total} bytes`, true);
    }
  }
}

/**
 * The body of an answer, until the signal. Node 20's `fetch` forgets its own signal once it has
 * answered and the garbage collector has run, and then the body would be waited for in vain.
 */
function bytesOf({ body }: Response, signal: AbortSignal): AsyncIterable<Uint8Array> {
  if (body === null) return Readable.from([]);
  return Readable.fromWeb(body as ReadableStream<Uint8Array>, { signal });
}

/** Opens the part for writing, and makes it where it is not there; what it holds stays. */
async function openPart(part: string): Promise<FileHandle> {
  try {
    return await open(part, constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND);
  } catch (cause) {
    throw outputError(part, cause);
  }
}

function extentOf(response: Response, offset: number): Extent {
  const { status, statusText, headers } = response;
  if (status !== 200 && status !== 206) {
    const mayPass = status >= 500 || status === 408 || status === 429;
    throw new TransferError(`the server answered ${status} ${statusText}`.trimEnd(), mayPass);
  }
  const encoding = headers.get('content-encoding') ?? 'identity';
  if (encoding !== 'identity') {
    throw new TransferError(`the server compresses the file on the way (${encoding})`, false);
  }
  if (status === 200) return { start: 0, total: lengthOf(headers.get('content-length')) };
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers.get('content-range') ?? '');
  if (Number(range?.[1]) === offset) return { start: offset, total: lengthOf(range?.[2]) };
  throw new TransferError('the server sent another part of the file than asked for', false);
}

function lengthOf(text: string | null | undefined): number | undefined {
  return text && /^\d+$/.test(text) ? Number(text) : undefined;
}

/**
 * The server has nothing after `offset` (status 416): either the part is the whole file, or it is
 * longer than that and thus of another one.
 */
async function endOfPart(response: Response, offset: number, file: FileHandle): Promise<void> {
  const total = /^bytes \*\/(\d+)$/.exec(response.headers.get('content-range') ?? '')?.[1];
  if (Number(total) === offset) return;
  await file.truncate(0);
  throw new TransferError(`the server cannot go on after byte ${offset}`, true);
}

/** The innermost reason of a failed fetch, which itself only says that it failed. */
function reasonOf(error: unknown): string {
  if (!isError(error)) return String(error);
  if (error.cause !== undefined) return reasonOf(error.cause);
  // Several addresses of one host were tried: they mostly fail for the same reason.
  if ('errors' in error && Array.isArray(error.errors) && error.errors.length > 0) {
    return reasonOf(error.errors[0]);
  }
  return error.message;
}
