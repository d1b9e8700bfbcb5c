import { rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { MocoError } from '../error.js';
import { outputError } from '../formats/outputError.js';
import { inMegabytes } from '../megabytes.js';
import { throwIfAborted } from './abort.js';
import { checksumOf } from './checksum.js';
import type { DownloadProgress } from './dataset.js';
import { flush } from './flush.js';
import { Transfer, TransferError } from './transfer.js';

/** How often in a row a transfer may break off without having brought anything. */
const MAX_FRUITLESS = 4;

/** Milliseconds before the second attempt; doubled with each fruitless one. */
const RETRY_PAUSE = 1000;

/** Milliseconds without a byte after which a connection counts as dead. */
const STALL_TIMEOUT = 30_000;

/** Milliseconds between two reports of progress. */
const PROGRESS_INTERVAL = 100;

export interface DownloadRequest {
  readonly url: string;
  /** The file to make. Its folder exists; until the file is whole, it is called `….part`. */
  readonly target: string;
  /** Of the whole file, in lower-case hexadecimal digits. */
  readonly md5: string;
  /** What to do where the network is not to be had. */
  readonly byHand: string;
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds; for tests. */
  readonly stallTimeout?: number;
  /** Milliseconds; for tests. */
  readonly retryPause?: number;
}

/**
 * Downloads a file, goes on where an earlier attempt stopped, checks it and renames it into place.
 * @throws MocoError `ERR_MOCO_NETWORK` where it cannot be had or is another file, `ERR_MOCO_OUTPUT`
 *   where it cannot be written, `ERR_MOCO_ABORTED` after the signal (the part stays, to go on from)
 */
export async function download(request: DownloadRequest): Promise<void> {
  const part = `${request.target}.part`;
  const isContinued = (await sizeOf(part)) > 0;
  await receiveAll(request, part);
  let md5 = await checksumOf(part, 'md5', request.signal);
  if (md5 !== request.md5 && isContinued) {
    // The part may be of another version of the file: only a fresh start can tell.
    await rm(part);
    await receiveAll(request, part);
    md5 = await checksumOf(part, 'md5', request.signal);
  }
  if (md5 !== request.md5) throw await wrongFile(request, part, md5);
  await moveIntoPlace(part, request.target);
}

/** Brings the part to its full length, with as many connections as it takes. */
async function receiveAll(request: DownloadRequest, part: string): Promise<void> {
  const { url, signal, stallTimeout = STALL_TIMEOUT, retryPause = RETRY_PAUSE } = request;
  const transfer = new Transfer({
    url,
    part,
    stallTimeout,
    signal,
    onProgress: throttled(request),
  });
  for (let fruitless = 0; ; ) {
    throwIfAborted(signal);
    const before = await sizeOf(part);
    try {
      return await transfer.run(before);
    } catch (error) {
      throwIfAborted(signal);
      if (!(error instanceof TransferError)) throw error;
      fruitless = (await sizeOf(part)) > before ? 0 : fruitless + 1;
      if (!error.canBeRetried || fruitless >= MAX_FRUITLESS) throw unreachable(request, error);
      await pause(retryPause * 2 ** fruitless, undefined, { signal }).catch(() => {}); // loop throws
    }
  }
}

/** Passes on the first report, the last one, and a few a second in between. */
function throttled({ onProgress }: DownloadRequest): (progress: DownloadProgress) => void {
  let next = 0;
  return (progress) => {
    const now = performance.now();
    if (now < next && progress.received !== progress.total) return;
    next = now + PROGRESS_INTERVAL;
    onProgress?.(progress);
  };
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw outputError(path, cause);
  }
}

async function moveIntoPlace(part: string, target: string): Promise<void> {
  try {
    await flush(part);
    await rename(part, target);
    await flush(dirname(target));
  } catch (cause) {
    throw outputError(target, cause);
  }
}

async function wrongFile(request: DownloadRequest, part: string, md5: string): Promise<MocoError> {
  const size = inMegabytes(await sizeOf(part));
  await rm(part);
  return new MocoError(
    'ERR_MOCO_NETWORK',
    `${request.url} brought another file (${size}): its MD5 is ${md5}, expected ${request.md5}. ` +
      'It was deleted.',
    { hint: `Try again later. ${request.byHand}` },
  );
}

function unreachable({ url, byHand }: DownloadRequest, cause: TransferError): MocoError {
  return new MocoError('ERR_MOCO_NETWORK', `cannot download ${url}: ${cause.message}`, {
    hint: `Check the network and try again: a download goes on where it stopped. ${byHand}`,
    cause,
  });
}
