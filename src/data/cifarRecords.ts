import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { throwIfAborted } from '../abort.js';
import { dataError, filesFor, unreadable } from './cifarFolder.js';
import {
  type CifarLabel,
  type CifarSplit,
  type CifarVariant,
  recordBytes,
} from './cifarVariant.js';
import { PICTURE_BYTES, PICTURE_SIDE, type Pictures } from './dataset.js';

/** Records per read: about 1.5 MB, so that neither copying nor hashing holds up the event loop. */
const RECORDS_PER_READ = 500;

/** A split as it was read. */
export interface CifarPictures {
  readonly pictures: Pictures;
  /** SHA-256 of every file that was read, by file name; empty unless `hashed`. */
  readonly sha256: ReadonlyMap<string, string>;
}

/**
 * Reads the first `count` records of a split. With `hashed`, the files that hold them are read to
 * their end and hashed on the way.
 * @throws MocoError `ERR_MOCO_DATA` for a wrong label or an unreadable file, `ERR_MOCO_ABORTED`
 */
export async function readCifarSplit(
  variant: CifarVariant,
  folder: string,
  split: CifarSplit,
  count: number,
  { hashed, signal }: { hashed: boolean; signal?: AbortSignal | undefined },
): Promise<CifarPictures> {
  const pixels = new Uint8Array(count * PICTURE_BYTES);
  const labels = new Uint8Array(count);
  const sha256 = new Map<string, string>();
  let filled = 0;
  for (const { file, records } of filesFor(split, count)) {
    const hash = hashed ? createHash('sha256') : undefined;
    const target = {
      pixels: pixels.subarray(filled * PICTURE_BYTES, (filled + records) * PICTURE_BYTES),
      labels: labels.subarray(filled, filled + records),
    };
    await readFileRecords(variant, join(folder, file), split.recordsPerFile, target, hash, signal);
    if (hash) sha256.set(file, hash.digest('hex'));
    filled += records;
  }
  const pictures = { pixels, labels, count, height: PICTURE_SIDE, width: PICTURE_SIDE };
  return { pictures, sha256 };
}

/**
 * Where the first records of one file go; there are as many of them as there is room for labels.
 */
interface Target {
  readonly pixels: Uint8Array;
  readonly labels: Uint8Array;
}

async function readFileRecords(
  variant: CifarVariant,
  path: string,
  recordsInFile: number,
  target: Target,
  hash: Hash | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  const bytes = recordBytes(variant);
  const wanted = target.labels.length;
  const last = hash ? recordsInFile : wanted;
  const buffer = new Uint8Array(Math.min(RECORDS_PER_READ, last) * bytes);
  const file = await open(path).catch((cause: unknown) => Promise.reject(unreadable(path, cause)));
  try {
    for (let first = 0; first < last; first += RECORDS_PER_READ) {
      throwIfAborted(signal, 'loading the data set');
      const records = buffer.subarray(0, Math.min(RECORDS_PER_READ, last - first) * bytes);
      await fill(records, file, first * bytes, path, variant);
      hash?.update(records);
      if (first < wanted) copyRecords(variant, path, records, first, target);
    }
  } finally {
    await file.close();
  }
}

/** Fills `buffer` with the bytes of a file from `position` on. */
async function fill(
  buffer: Uint8Array,
  file: FileHandle,
  position: number,
  path: string,
  variant: CifarVariant,
): Promise<void> {
  for (let filled = 0; filled < buffer.length; ) {
    const { bytesRead } = await file
      .read(buffer, filled, buffer.length - filled, position + filled)
      .catch((cause: unknown) => Promise.reject(unreadable(path, cause)));
    // The size was right a moment ago, so somebody is changing the file.
    if (bytesRead === 0) throw dataError(variant, `${path} ended early, at ${position + filled}`);
    filled += bytesRead;
  }
}

/** Splits records into labels and pixels. `first` is the number of the first one in its file. */
function copyRecords(
  variant: CifarVariant,
  path: string,
  records: Uint8Array,
  first: number,
  { pixels, labels }: Target,
): void {
  const bytes = recordBytes(variant);
  const end = Math.min(labels.length, first + records.length / bytes);
  for (let index = first; index < end; index++) {
    const record = records.subarray((index - first) * bytes, (index - first + 1) * bytes);
    for (const [at, label] of variant.labels.entries()) {
      const value = record[at] as number;
      if (value >= label.count) throw wrongLabel(variant, path, index, label, value);
    }
    labels[index] = record[variant.labels.length - 1] as number;
    const picture = pixels.subarray(index * PICTURE_BYTES, (index + 1) * PICTURE_BYTES);
    interleave(record.subarray(variant.labels.length), picture);
  }
}

/** Puts the planes of a record (all of R, then G, then B) pixel by pixel, R, G and B together. */
function interleave(planes: Uint8Array, picture: Uint8Array): void {
  const pixels = PICTURE_SIDE * PICTURE_SIDE;
  for (let pixel = 0, at = 0; pixel < pixels; pixel++) {
    picture[at++] = planes[pixel] as number;
    picture[at++] = planes[pixels + pixel] as number;
    picture[at++] = planes[2 * pixels + pixel] as number;
  }
}

function wrongLabel(
  variant: CifarVariant,
  path: string,
  record: number,
  { name, count }: CifarLabel,
  value: number,
): Error {
  const message =
    `${path}: record ${record} (counted from 0) has ${name} ${value}, ` +
    `expected 0 to ${count - 1}`;
  return dataError(variant, message);
}
