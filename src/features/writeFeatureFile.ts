import type { FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { writeAtomically } from '../disk/atomicFile.js';
import { writeAll } from '../disk/positioned.js';
import { mocoHeader, reservedBytes } from '../formats/mocoHeader.js';
import { writeTensors } from '../formats/writeTensors.js';
import { FEATURE_FORMAT, type FeatureMeta } from './featureMeta.js';
import {
  FEATURE_BYTES,
  type FeatureLists,
  type FeatureRows,
  featureTensors,
} from './featureTensors.js';

/** What a feature file is made of, beside the features. */
export interface FeatureContent extends FeatureRows, FeatureLists {
  readonly meta: FeatureMeta;
}

/**
 * Writes a feature file. Its path holds either the old content or all of the new.
 * @param chunks the bytes of the features, row by row, in pieces of any length
 * @throws MocoError `ERR_MOCO_OUTPUT`, or what `chunks` throws
 */
export async function writeFeatureFile(
  path: string,
  content: FeatureContent,
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<void> {
  await writeAtomically(path, async (file) => {
    const reserved = reservedFor(content.meta);
    let [end, checksum] = [reserved, 0];
    for await (const chunk of chunks) {
      await writeAll(file, chunk, end);
      checksum = crc32(chunk, checksum);
      end += chunk.length;
    }
    const { count, dims, dtype } = content;
    const expected = count * dims * FEATURE_BYTES[dtype];
    if (end - reserved !== expected) {
      throw new RangeError(`${end - reserved} bytes of features were given, expected ${expected}`);
    }
    await completeFeatureFile(file, content, checksum);
  });
}

/** Bytes in front of the first feature. */
export function reservedFor(meta: FeatureMeta): number {
  return reservedBytes(JSON.stringify(meta));
}

/**
 * Writes what a feature file holds beside the features, which are in it already, `reservedFor` bytes
 * from its start.
 * @param checksum CRC-32 of their bytes
 */
export async function completeFeatureFile(
  file: FileHandle,
  content: FeatureContent,
  checksum: number,
): Promise<void> {
  const reserved = reservedFor(content.meta);
  const tensors = featureTensors({ ...content, crc32: checksum }, content, reserved);
  await writeTensors(file, tensors, reserved);
  const texts = { format: FEATURE_FORMAT, features: JSON.stringify(content.meta) };
  await writeAll(file, mocoHeader(tensors, texts, reserved), 0);
}
