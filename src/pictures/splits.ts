import { createHash } from 'node:crypto';
import { TEST, TRAIN, VALIDATION } from './source.js';

/** Names of the folders that hold a split, in small letters. */
const SPLIT_OF_FOLDER: Readonly<Record<string, number>> = {
  train: TRAIN,
  training: TRAIN,
  val: VALIDATION,
  valid: VALIDATION,
  validation: VALIDATION,
  test: TEST,
  testing: TEST,
};

/** The split that a folder of this name holds; undefined for any other name. */
export function splitOfFolder(name: string): number | undefined {
  const key = name.toLowerCase();
  return Object.hasOwn(SPLIT_OF_FOLDER, key) ? SPLIT_OF_FOLDER[key] : undefined;
}

/**
 * The split of a picture by a fraction: its content decides, and not which others there are, so that
 * adding files moves none, and equal files are in the same split. The first six bytes of
 * SHA-256(seed as eight bytes, little-endian; hash) are a number from 0 to 1; below `testFraction` it
 * is a test picture.
 */
export function splitByContent(hash: Uint8Array, testFraction: number, seed: number): number {
  const start = Buffer.alloc(8);
  start.writeBigUInt64LE(BigInt(seed));
  const digest = createHash('sha256').update(start).update(hash).digest();
  return digest.readUIntBE(0, 6) / 2 ** 48 < testFraction ? TEST : TRAIN;
}
