import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { crc32 } from 'node:zlib';
import { type Entry, openPromise, type ZipFile } from 'yauzl';
import { throwIfAborted } from '../abort.js';
import { requireSpace } from '../disk/freeSpace.js';
import { outputError } from '../disk/outputError.js';
import { MocoError } from '../error.js';
import { CACHE_SPACE_HINT } from '../native/cacheFolder.js';

/**
 * Unpacks from a zip the files whose names start with one of `wanted`, their checksums checked.
 * Throws `ERR_MOCO_OUTPUT` where there is too little room for them, `ERR_MOCO_LIBTORCH_MISMATCH`
 * where the archive is damaged or no zip, `ERR_MOCO_ABORTED` after the signal.
 */
export async function unpack(
  archive: string,
  target: string,
  wanted: readonly string[],
  signal?: AbortSignal,
): Promise<void> {
  try {
    const zip = await openPromise(archive, { autoClose: false });
    try {
      const entries = await wantedEntries(zip, wanted);
      const bytes = entries.reduce((sum, { uncompressedSize }) => sum + uncompressedSize, 0);
      await requireSpace(target, bytes, { what: `${archive}, unpacked,`, hint: CACHE_SPACE_HINT });
      for (const entry of entries) await writeEntry(zip, entry, target, signal);
    } finally {
      zip.close();
    }
  } catch (error) {
    throwIfAborted(signal, 'the set-up');
    throw describeFailure(archive, error);
  }
}

/** yauzl refuses names that lead out of the target. */
async function wantedEntries(zip: ZipFile, wanted: readonly string[]): Promise<Entry[]> {
  const entries: Entry[] = [];
  for await (const entry of zip.eachEntry()) {
    const { fileName } = entry;
    const isFile = !fileName.endsWith('/');
    if (isFile && wanted.some((beginning) => fileName.startsWith(beginning))) entries.push(entry);
  }
  return entries;
}

async function writeEntry(
  zip: ZipFile,
  entry: Entry,
  target: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const file = join(target, entry.fileName);
  const content = await zip.openReadStreamPromise(entry);
  let checksum = 0;
  const summing = new Transform({
    transform: (chunk: Buffer, _, done) => {
      checksum = crc32(chunk, checksum);
      done(null, chunk);
    },
  });
  await mkdir(dirname(file), { recursive: true });
  await pipeline([content, summing, createWriteStream(file)], { signal });
  if (checksum !== entry.crc32) throw new Error(`wrong checksum of ${entry.fileName}`);
}

function describeFailure(archive: string, error: unknown): Error {
  if (error instanceof MocoError) return error;
  const { syscall, path, message } = error as NodeJS.ErrnoException;
  // What the system complains of is where it is written, as a rule.
  if (syscall !== undefined) return outputError(path ?? archive, error);
  return new MocoError('ERR_MOCO_LIBTORCH_MISMATCH', `${archive} cannot be unpacked: ${message}.`, {
    hint: 'The file is damaged, or no zip: fetch it again.',
    cause: error,
  });
}
