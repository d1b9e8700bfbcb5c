import { join } from 'node:path';
import { type CifarFile, filesFor } from './cifarFiles.js';
import { type ReadOptions, type RecordTarget, readBinaryRecords } from './cifarRecords.js';
import type { CifarVariant } from './cifarVariant.js';
import { PICTURE_BYTES, PICTURE_SIDE, type PicturesInMemory } from './dataset.js';
import type { CifarCopy } from './findCifar.js';
import { readPythonRecords } from './pythonBatch.js';

/** A split as it was read. */
export interface CifarPictures {
  readonly pictures: PicturesInMemory;
  /** The checksum of every file that was read, by file name; empty unless `hashed`. */
  readonly checksums: ReadonlyMap<string, string>;
}

/**
 * Reads the first `count` records of a split. With `hashed`, the files that hold them are read to
 * their end, for their checksum.
 * @throws MocoError `ERR_MOCO_DATA` for a wrong label or an unreadable file, `ERR_MOCO_ABORTED`
 */
export async function readCifarSplit(
  variant: CifarVariant,
  { folder, layout }: CifarCopy,
  files: readonly CifarFile[],
  count: number,
  reading: ReadOptions,
): Promise<CifarPictures> {
  const read = layout === 'binary' ? readBinaryRecords : readPythonRecords;
  const pixels = new Uint8Array(count * PICTURE_BYTES);
  const labels = new Int32Array(count);
  const checksums = new Map<string, string>();
  let filled = 0;
  for (const { file, records } of filesFor(files, count)) {
    const target: RecordTarget = {
      pixels: pixels.subarray(filled * PICTURE_BYTES, (filled + records) * PICTURE_BYTES),
      labels: labels.subarray(filled, filled + records),
    };
    const checksum = await read(variant, join(folder, file), target, reading);
    if (checksum !== undefined) checksums.set(file, checksum);
    filled += records;
  }
  const pictures = { pixels, labels, count, height: PICTURE_SIDE, width: PICTURE_SIDE };
  return { pictures, checksums };
}
