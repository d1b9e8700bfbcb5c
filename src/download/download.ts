import { rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { throwIfAborted } from '../abort.js';
import { flush } from '../disk/flush.js';
import { requireSpace } from '../disk/freeSpace.js';
import { outputError } from '../disk/outputError.js';
import { MocoError } from '../error.js';
import { type ChecksumAlgorithm, checksumOf } from './checksum.js';
import { type DownloadProgress, Transfer, TransferError } from './transfer.js';

/** The transfer that breaks off as the so-manieth in a row, without having brought anything, is the last. */
const MAX_FRUITLESS = 4;

/** In milliseconds: twice this before the second attempt, and twice as long before each later one. */
const RETRY_PAUSE = 1000;

/** Milliseconds without a byte after which a connection counts as dead. */
const STALL_TIMEOUT = 30_000;

/** What a signal ends, in words. */
const DOWNLOAD = 'the download';

/** Milliseconds between two reports of progress. */
const PROGRESS_INTERVAL = 100;

export interface ExpectedChecksum {
  readonly algorithm: ChecksumAlgorithm;
  /** In lower-case hexadecimal digits. */
  readonly value: string;
  /** The error for a whole file of so many bytes that has another checksum, this one. */
  readonly wrongFile: (actual: string, bytes: number) => MocoError;
}

export interface DownloadRequest {
  readonly url: string;
  /**
   * The file to make. Its folder exists; until the file is whole, it is called `….part`. Nobody else
   * may download to it meanwhile.
   */
  readonly target: string;
  /** Of the whole file; undefined where nobody stated one. */
  readonly checksum: ExpectedChecksum | undefined;
  /** At least how many bytes the files take that are unpacked from a file of `size` bytes. */
  readonly unpackedBytes: (size: number) => number;
  /** What to do where the disk has too little room. */
  readonly spaceHint: string;
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
 * Where the server tells the size and the disk has too little room, nothing is downloaded.
 * @throws MocoError `ERR_MOCO_NETWORK` where it cannot be had, what `wrongFile` gives where it is
 *   another file, `ERR_MOCO_OUTPUT` where it cannot be written, `ERR_MOCO_ABORTED` after the signal
 *   (the part stays, to go on from)
 */
export async function download(request: DownloadRequest): Promise<void> {
  const { target, checksum } = request;
  const part = `${target}.part`;
  // What an earlier attempt left may be of another version of the file: a checksum would tell.
  if (checksum === undefined) await rm(part, { force: true });
  const isContinued = (await sizeOf(part)) > 0;
  await receiveAll(request, part);
  if (checksum !== undefined) await requireRight(request, checksum, part, isContinued);
  await moveIntoPlace(part, target);
}

/** @param isContinued whether the part has bytes of an earlier attempt */
async function requireRight(
  request: DownloadRequest,
  { algorithm, value, wrongFile }: ExpectedChecksum,
  part: string,
  isContinued: boolean,
): Promise<void> {
  let actual = await checksumOf(part, algorithm, request.signal);
  if (actual !== value && isContinued) {
    await rm(part);
    await receiveAll(request, part);
    actual = await checksumOf(part, algorithm, request.signal);
  }
  if (actual === value) return;
  const bytes = await sizeOf(part);
  await rm(part);
  throw wrongFile(actual, bytes);
}

/** Brings the part to its full length, with as many connections as it takes. */
async function receiveAll(request: DownloadRequest, part: string): Promise<void> {
  const { url, signal, stallTimeout = STALL_TIMEOUT, retryPause = RETRY_PAUSE } = request;
  const transfer = new Transfer({
    url,
    part,
    stallTimeout,
    signal,
    beforeFirstByte: (missing, total) => requireRoom(request, missing, total),
    onProgress: throttled(request),
  });
  for (let fruitless = 0; ; ) {
    throwIfAborted(signal, DOWNLOAD);
    const before = await sizeOf(part);
    try {
      return await transfer.run(before);
    } catch (error) {
      throwIfAborted(signal, DOWNLOAD);
      if (!(error instanceof TransferError)) throw error;
      fruitless = (await sizeOf(part)) > before ? 0 : fruitless + 1;
      if (!error.canBeRetried || fruitless >= MAX_FRUITLESS) throw unreachable(request, error);
      await pause(retryPause * 2 ** fruitless, undefined, { signal }).catch(() => {}); // loop throws
    }
  }
}

/** @param missing bytes that the part lacks of `total` */
async function requireRoom(
  { url, target, unpackedBytes, spaceHint: hint }: DownloadRequest,
  missing: number,
  total: number,
): Promise<void> {
  await requireSpace(dirname(target), missing + unpackedBytes(total), {
    ...{ what: `${url}, unpacked,`, hint },
  });
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

function unreachable({ url, byHand }: DownloadRequest, cause: TransferError): MocoError {
  return new MocoError('ERR_MOCO_NETWORK', `cannot download ${url}: ${cause.message}`, {
    hint: `Check the network and try again: a download goes on where it stopped. ${byHand}`,
    cause,
  });
}
