import { z } from 'zod';

/** Version of what a packed file holds. */
export const PACKED_VERSION = 1;

/** The `format` in the metadata of a packed file. */
export const PACKED_FORMAT = 'moco-pictures';

/** The largest side of stored pictures, in pixels. */
export const MAX_SIDE = 512;

const fraction = z.number().min(0).max(1);
const channels = z.tuple([fraction, fraction, fraction]);
const count = z.int().min(0);

/** How a packed file was made, as its header says it. */
export const packedMetaSchema = z.object({
  version: z.literal(PACKED_VERSION),
  /** Height and width of the stored pictures, in pixels. */
  storedSize: z.int().min(1).max(MAX_SIDE),
  /** Of the views that it was made for; the rest is margin for crops. */
  imageSize: z.int().min(1).max(MAX_SIDE),
  /** How a picture was made square: its shorter side resized, and its middle taken. */
  fit: z.literal('cover'),
  /** Pictures for which there is one checksum. */
  block: z.int().min(1),
  /** Where the labels are from: `none`, `folders`, `table`, or the data set itself. */
  labels: z.string(),
  /** Where the splits are from: `folders`, `fraction`, or the data set itself. */
  split: z.string(),
  testFraction: fraction.optional(),
  splitSeed: count.optional(),
  /** Per channel (R, G, B), of the training pictures, on the 0…1 scale. */
  mean: channels,
  std: channels,
  /** By format, the number of files. */
  formats: z.record(z.string(), count),
  /** Of all that it was made from, as it was then. */
  listing: z.string(),
  sources: z.array(z.string()),
  notices: z.array(z.string()),
  /** Version of moco, and of the library that decoded the pictures, where one did. */
  moco: z.string(),
  sharp: z.string().optional(),
});

/** How a packed file was made. */
export type PackedMeta = z.output<typeof packedMetaSchema>;

/** Most bytes of a block, unless one picture has more. */
const BLOCK_BYTES = 2 ** 22;

/** Pictures in a block: a power of two, and about 2 to 4 MiB. */
export function blockOf(side: number): number {
  return 2 ** Math.max(0, Math.floor(Math.log2(BLOCK_BYTES / pictureBytes(side))));
}

/** Bytes of a stored picture. */
export function pictureBytes(side: number): number {
  return 3 * side * side;
}
