import type { PackedMeta } from './packedMeta.js';

/** What a picture is for, in the order of the numbers that a packed file has for it. */
export const SPLITS = ['train', 'validation', 'test'] as const;

export type SplitName = (typeof SPLITS)[number];

export const [TRAIN, VALIDATION, TEST] = [0, 1, 2] as const;

/** Bytes of a picture's hash: the first ones of the SHA-256 of its file. */
export const HASH_BYTES = 16;

/** A label of a picture that has none. */
export const NO_LABEL = -1;

/** A file that gives no picture, and why. */
export interface BrokenFile {
  readonly name: string;
  readonly reason: string;
}

/** A picture as it is stored, and what its file was. */
export interface StoredPicture {
  /** side × side × 3 bytes: R, G and B of one pixel after the other, row by row from the top. */
  readonly pixels: Uint8Array;
  /** The first `HASH_BYTES` of the SHA-256 of the file's bytes. */
  readonly hash: Uint8Array;
  /** `jpeg`, `png`, … */
  readonly format: string;
  /** Of the picture in the file, as it is to be seen, in pixels. */
  readonly width: number;
  readonly height: number;
}

/** Why a file gives no picture. */
export interface Unreadable {
  readonly reason: string;
}

/** Where labels and splits are from, as the header of a packed file says it. */
export type SourceRules = Pick<PackedMeta, 'labels' | 'split' | 'testFraction' | 'splitSeed'>;

/** Where the pictures of a packed file come from: candidates, each a picture or broken. */
export interface PictureSource {
  /** The folders or files, for people. */
  readonly places: readonly string[];
  /** Changes with everything that a packed file is made from, as far as that can be told unread. */
  readonly fingerprint: string;
  /** Number of candidates. */
  readonly count: number;
  /** Height and width of the pictures as they are stored. */
  readonly side: number;
  /** The same of the views that are to be made of them. */
  readonly imageSize: number;
  readonly classes: readonly string[];
  /** Where labels and splits are from, for the header. */
  readonly rules: SourceRules;
  /** Candidates that are known to be broken without reading them. */
  readonly broken: readonly BrokenFile[];
  /** What the user should know about the files, one line each. */
  readonly notices: readonly string[];
  name(candidate: number): string;
  /** About how many bytes reading it takes at a time. */
  weight(candidate: number): number;
  /** Never rejects for what is in the file. */
  read(candidate: number): Promise<StoredPicture | Unreadable>;
  /** An index into `classes`, or `NO_LABEL`. */
  label(candidate: number): number;
  /** An index into `SPLITS`. */
  split(candidate: number, hash: Uint8Array): number;
}
