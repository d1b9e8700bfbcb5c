import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { throwIfAborted } from '../abort.js';
import { dataError, fileSize, unreadable } from './cifarFolder.js';
import {
  type CifarLabel,
  type CifarLayout,
  type CifarVariant,
  recordBytes,
} from './cifarVariant.js';
import { PICTURE_BYTES, PICTURE_SIDE } from './dataset.js';

/** Records per read: about 1.5 MB, so that neither copying nor hashing holds up the event loop. */
const RECORDS_PER_READ = 500;

/**
 * Where the first records of one file go; there are as many of them as there is room for labels.
 */
export interface RecordTarget {
  readonly pixels: Uint8Array;
  readonly labels: Int32Array;
}

/** Which record of which file. */
interface RecordPlace {
  readonly path: string;
  /** Counted from 0. */
  readonly record: number;
  readonly layout: CifarLayout;
}

export interface ReadOptions {
  /** Whether the checksum of the file is wanted, too. */
  readonly hashed: boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads the first records of a file of the binary version. With `hashed`, the file is read to its end,
 * and hashed on the way.
 * @returns the file's SHA-256, with `hashed`
 * @throws MocoError `ERR_MOCO_DATA` for a wrong label or an unreadable file, `ERR_MOCO_ABORTED`
 */
export async function readBinaryRecords(
  variant: CifarVariant,
  path: string,
  target: RecordTarget,
  { hashed, signal }: ReadOptions,
): Promise<string | undefined> {
  const hash = hashed ? createHash('sha256') : undefined;
  const bytes = recordBytes(variant);
  const wanted = target.labels.length;
  const last = hash ? (await fileSize(path)) / bytes : wanted;
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
  return hash?.digest('hex');
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
  { pixels, labels }: RecordTarget,
): void {
  const bytes = recordBytes(variant);
  const end = Math.min(labels.length, first + records.length / bytes);
  for (let index = first; index < end; index++) {
    const record = records.subarray((index - first) * bytes, (index - first + 1) * bytes);
    for (const at of variant.labels.keys())
      requireLabel(variant, { path, record: index, layout: 'binary' }, at, record[at]);
    labels[index] = record[variant.labels.length - 1] as number;
    const picture = pixels.subarray(index * PICTURE_BYTES, (index + 1) * PICTURE_BYTES);
    putPicture(record.subarray(variant.labels.length), picture);
  }
}

/** Puts the planes of a record (all of R, then G, then B) pixel by pixel, R, G and B together. */
export function putPicture(planes: Uint8Array, picture: Uint8Array): void {
  const pixels = PICTURE_SIDE * PICTURE_SIDE;
  for (let pixel = 0, at = 0; pixel < pixels; pixel++) {
    picture[at++] = planes[pixel] as number;
    picture[at++] = planes[pixels + pixel] as number;
    picture[at++] = planes[2 * pixels + pixel] as number;
  }
}

/**
 * Makes sure that a label stands for a class.
 * @param at which of the record's labels it is
 */
export function requireLabel(
  variant: CifarVariant,
  { path, record, layout }: RecordPlace,
  at: number,
  value: unknown,
): asserts value is number {
  const { name, count } = variant.labels[at] as CifarLabel;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < count) return;
  const given = typeof value === 'number' ? value : 'that is no integer';
  const message =
    `${path}: record ${record} (counted from 0) has ${name} ${given}, ` +
    `expected 0 to ${count - 1}`;
  throw dataError(variant, message, layout);
}
