import { z } from 'zod';

const count = z.int().min(0);
const channels = z.array(z.number().min(0)).length(3).readonly();

/** What is noted of a block whose pixels are in the partial file. */
export const packBlockSchema = z.object({
  /** The candidate after the last one of the block. */
  next: count,
  /** Of the block's pixels. */
  crc32: count,
  /** Candidate, hash (hexadecimal digits), format, width and height of each picture. */
  pictures: z.array(z.tuple([count, z.string(), z.string(), count, count])),
  /** Candidates that gave no picture, and why. */
  broken: z.array(z.tuple([count, z.string()])),
  sums: z.object({ pixels: count, sum: channels, squares: channels }),
});

export type PackBlock = z.output<typeof packBlockSchema>;
