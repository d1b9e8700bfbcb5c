import type { EmbedConfig, EmbedFormat } from '../config/embedConfig.js';
import type { BrokenFile } from '../pictures/source.js';
import type { WarningEvent } from '../run/events.js';
import type { EncoderDescription } from './encoder.js';

/** The first event: everything is loaded, and the pictures are about to be embedded. */
export interface EmbedStartEvent {
  readonly type: 'start';
  readonly config: EmbedConfig;
  readonly description: EncoderDescription;
  /** The folders, the packed file or the data set. */
  readonly places: readonly string[];
  /** Pictures, with those of them that will be found broken. */
  readonly pictures: number;
  /** How many of them an earlier process has embedded already. */
  readonly done: number;
}

export type EmbedListener = (event: EmbedStartEvent | WarningEvent) => void | Promise<void>;

/** What `embedPictures` has written. */
export interface EmbedResult {
  /** The file of features, then what stands beside it. */
  readonly files: readonly string[];
  readonly format: EmbedFormat;
  /** Rows, and numbers in each. */
  readonly dims: readonly [rows: number, length: number];
  readonly classes: readonly string[];
  /** Files that gave no features, and why. */
  readonly broken: readonly BrokenFile[];
  readonly description: EncoderDescription;
}
