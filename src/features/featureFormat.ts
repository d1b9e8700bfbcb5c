import type { FileHandle } from 'node:fs/promises';
import type { FeatureMeta } from './featureMeta.js';
import type { FeatureContent } from './writeFeatureFile.js';

/** Rows of features that lie in a partial file, one after the other. */
export interface WrittenRows {
  /** The partial file, which may be written to. */
  readonly file: FileHandle;
  /** CRC-32 of all rows. */
  readonly crc32: number;
  /** The bytes of all rows, whole rows at a time. @param about so many bytes, or 1 MiB */
  read(about?: number): AsyncIterable<Uint8Array>;
  /** Puts the partial file, which is whole now, into the place of the final one. */
  become(): Promise<void>;
}

/** A format in which features are written, row by row at first. */
export interface FeatureFormat {
  /** Bytes in front of the rows in the partial file. */
  reserved(meta: FeatureMeta): number;
  /** About how many bytes a number takes in the final file; 0 where that is the partial one. */
  readonly bytesPerNumber: number;
  /** The files that are written beside the one that is named. */
  companions(out: string): readonly string[];
  /**
   * Makes the final file of the partial one, and what stands beside it before.
   * @throws MocoError `ERR_MOCO_OUTPUT`, or an error of the system
   */
  finish(out: string, content: FeatureContent, rows: WrittenRows): Promise<void>;
}
