import { z } from 'zod';

const count = z.int().min(0);

/** What is noted of a block of rows that is in a partial file. */
export const featureBlockSchema = z.object({
  /** The candidate after the last one of the block. */
  next: count,
  /** Number of rows, and the CRC-32 of their bytes. */
  rows: count,
  crc32: count,
  /** Candidates that gave no row, and why. */
  broken: z.array(z.tuple([count, z.string()])),
});

export type FeatureBlock = Readonly<z.output<typeof featureBlockSchema>>;

/** Some rows, of candidates one after the other. */
export interface Rows extends Pick<FeatureBlock, 'next' | 'broken'> {
  readonly bytes: Uint8Array;
}
