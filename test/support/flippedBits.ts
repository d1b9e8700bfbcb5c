import { open } from 'node:fs/promises';
import type { StoredTensor } from '#moco/formats/tensorFile.js';
import type { Dice } from './mutations.js';

/** A place in a file. */
export interface Bit {
  readonly byte: number;
  readonly bit: number;
}

/** A random bit of a storage. */
export function randomBit({ storage }: StoredTensor, dice: Dice): Bit {
  return { byte: storage.offset + dice.below(storage.bytes), bit: dice.below(8) };
}

/** Flips one bit of a file for as long as `use` takes. */
export async function withFlippedBit(
  path: string,
  { byte, bit }: Bit,
  use: () => Promise<void>,
): Promise<void> {
  await using file = await open(path, 'r+');
  const held = Buffer.alloc(1);
  await file.read(held, 0, 1, byte);
  await file.write(Buffer.of((held[0] as number) ^ (1 << bit)), 0, 1, byte);
  await use();
  await file.write(held, 0, 1, byte);
}
