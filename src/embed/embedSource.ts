import type { BrokenFile, Unreadable } from '../pictures/source.js';
import type { RawPicture } from './encoder.js';

/** The pictures that a run embeds: candidates in an order, each a picture or broken. */
export interface EmbedSource {
  /** The folders, the packed file or the data set, for people. */
  readonly places: readonly string[];
  /** Other pictures, or other labels, have another one. */
  readonly fingerprint: string;
  /** Number of candidates. */
  readonly count: number;
  /** Empty where no picture has a label. */
  readonly classes: readonly string[];
  /** Files that are known to be broken and are no candidates. */
  readonly broken: readonly BrokenFile[];
  /** What the user should know of the pictures, one line each. */
  readonly notices: readonly string[];
  id(candidate: number): string;
  /** An index into `classes`, or −1. */
  label(candidate: number): number;
  /** Reads all candidates from `first` on, in order. */
  read(first: number): AsyncGenerator<RawPicture | Unreadable, void>;
}
