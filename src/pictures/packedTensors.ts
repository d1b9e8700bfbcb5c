import { jsonTensor, padding, type WrittenTensor, writtenTensor } from '../formats/mocoHeader.js';
import { pictureBytes } from './packedMeta.js';
import { type BrokenFile, HASH_BYTES } from './source.js';
import type { Tally } from './tally.js';

/** The pixels, which are in the file already. */
export interface WrittenPixels {
  readonly side: number;
  /** Of all of them, and of each block. */
  readonly crc32: number;
  readonly blocks: readonly number[];
}

interface Lists {
  readonly broken: readonly BrokenFile[];
  readonly classes: readonly string[];
}

/**
 * All tensors of a packed file, in the order of their bytes.
 * @param offset of the first byte of the pixels in the file
 */
export function packedTensors(
  { side, crc32: checksum, blocks }: WrittenPixels,
  tally: Tally,
  { broken, classes }: Lists,
  offset: number,
): WrittenTensor[] {
  const { count, hashes, sizes, labels, splits } = tally;
  const shape = [count, side, side, 3];
  const bytes = count * pictureBytes(side);
  return [
    { name: 'pixels', dtype: 'U8', shape, bytes, crc32: checksum },
    ...padding(offset + bytes),
    writtenTensor('checksums', 'U32', Uint32Array.from(blocks)),
    writtenTensor('labels', 'I32', labels),
    writtenTensor('sizes', 'I32', sizes, [count, 2]),
    writtenTensor('split', 'U8', splits),
    writtenTensor('hashes', 'U8', hashes, [count, HASH_BYTES]),
    jsonTensor('names', tally.names()),
    jsonTensor('broken', broken),
    jsonTensor('classes', classes),
  ];
}
