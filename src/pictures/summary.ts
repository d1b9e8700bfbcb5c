import type { PackedPictures } from './openPacked.js';
import type { PackedMeta } from './packedMeta.js';
import { type BrokenFile, HASH_BYTES, NO_LABEL, SPLITS, type SplitName, TRAIN } from './source.js';

/** The smallest, the middle and the largest of some numbers. */
export interface Range {
  readonly least: number;
  readonly median: number;
  readonly most: number;
}

/** What is in a packed file, or in folders of pictures. */
export interface PicturesSummary {
  /** The packed file, or the folders. */
  readonly paths: readonly string[];
  /** Number of pictures. */
  readonly count: number;
  readonly splits: Readonly<Record<SplitName, number>>;
  /** Height and width of the stored pictures, and of the views that they are for. */
  readonly storedSize: number;
  readonly imageSize: number;
  /** By format, the number of files. */
  readonly formats: Readonly<Record<string, number>>;
  /** Of the pictures in their files, in pixels. */
  readonly width: Range;
  readonly height: Range;
  /** How many have a side that is shorter than `storedSize`, so that they were enlarged. */
  readonly enlarged: number;
  /** Where labels and splits are from: `none`, `folders`, `table`; `folders`, `fraction`. */
  readonly labelsFrom: string;
  readonly splitFrom: string;
  /** The classes, and how many pictures each has. */
  readonly labels: readonly { readonly name: string; readonly count: number }[];
  readonly unlabelled: number;
  /** Per channel (R, G, B), of the training pictures, on the 0…1 scale. */
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
  /** Files of the same content: the names of each group, of the first groups. */
  readonly duplicates: {
    readonly groups: number;
    /** How many files there would be fewer if each was there once. */
    readonly surplus: number;
    /** How many validation and test pictures are training pictures, too. */
    readonly alsoTrained: number;
    readonly examples: readonly (readonly string[])[];
  };
  readonly broken: readonly BrokenFile[];
  readonly notices: readonly string[];
  /** Of the content of a packed file: the same pictures, labels and splits have the same. */
  readonly fingerprint: string;
}

/** What a summary is made of. */
export interface Summarised extends Omit<PackedPictures, 'path' | 'pixels' | 'checksums' | 'meta'> {
  readonly meta: Pick<
    PackedMeta,
    'storedSize' | 'imageSize' | 'formats' | 'labels' | 'split' | 'mean' | 'std' | 'notices'
  >;
}

/** Groups of equal files that are named, and files of each. */
const [GROUPS_NAMED, FILES_NAMED] = [5, 5];

/** What is in a packed file. */
export async function summaryOf(packed: PackedPictures): Promise<PicturesSummary> {
  return await summaryAt([packed.path], packed);
}

/** What is in pictures that lie at `paths`. */
export async function summaryAt(
  paths: readonly string[],
  pictures: Summarised,
): Promise<PicturesSummary> {
  const { meta, splits, sizes, labels, classes, broken, fingerprint } = pictures;
  const [width, height] = [0, 1].map((side) => sizes.filter((_, at) => at % 2 === side));
  const counts = countsOf(labels, classes.length);
  const shorter = (_: number, at: number) => Math.min(sizes[2 * at] ?? 0, sizes[2 * at + 1] ?? 0);
  const short = labels.map(shorter).filter((side) => side < meta.storedSize).length;
  const bySplit = SPLITS.map((name, split) => [name, splits.filter((its) => its === split).length]);
  return {
    paths,
    count: labels.length,
    splits: Object.fromEntries(bySplit) as Record<SplitName, number>,
    storedSize: meta.storedSize,
    imageSize: meta.imageSize,
    formats: meta.formats,
    width: rangeOf(width as Int32Array),
    height: rangeOf(height as Int32Array),
    enlarged: short,
    labelsFrom: meta.labels,
    splitFrom: meta.split,
    labels: classes.map((name, label) => ({ name, count: counts[label] ?? 0 })),
    unlabelled: labels.filter((label) => label === NO_LABEL).length,
    mean: meta.mean,
    std: meta.std,
    duplicates: await duplicatesOf(pictures),
    broken,
    notices: meta.notices,
    fingerprint,
  };
}

function rangeOf(values: Int32Array): Range {
  const sorted = values.slice().sort();
  const at = (place: number) => sorted[Math.floor(place * (sorted.length - 1))] ?? 0;
  return { least: at(0), median: at(0.5), most: at(1) };
}

function countsOf(labels: Int32Array, classes: number): Uint32Array {
  const counts = new Uint32Array(classes);
  for (const label of labels) {
    if (label !== NO_LABEL) counts[label] = (counts[label] ?? 0) + 1;
  }
  return counts;
}

async function duplicatesOf({
  hashes,
  splits,
  names,
}: Summarised): Promise<PicturesSummary['duplicates']> {
  const groups = equalRows(hashes);
  const surplus = groups.reduce((sum, rows) => sum + rows.length - 1, 0);
  const inTraining = groups.filter((rows) => rows.some((row) => splits[row] === TRAIN)).flat();
  const alsoTrained = inTraining.filter((row) => splits[row] !== TRAIN).length;
  const allNames = groups.length > 0 ? await names() : [];
  const examples = groups
    .slice(0, GROUPS_NAMED)
    .map((rows) => rows.slice(0, FILES_NAMED).map((row) => allNames[row] as string));
  return { groups: groups.length, surplus, alsoTrained, examples };
}

/** Pictures whose hashes are equal, in the order of the first of each group. */
function equalRows(hashes: Uint8Array): number[][] {
  const first = new Map<string, number>();
  const groups = new Map<number, number[]>();
  const bytes = Buffer.from(hashes.buffer, hashes.byteOffset, hashes.byteLength);
  for (let row = 0; row * HASH_BYTES < bytes.length; row++) {
    const hash = bytes.toString('latin1', row * HASH_BYTES, (row + 1) * HASH_BYTES);
    const earlier = first.get(hash);
    if (earlier === undefined) first.set(hash, row);
    else groups.set(earlier, [...(groups.get(earlier) ?? [earlier]), row]);
  }
  return [...groups].sort(([a], [b]) => a - b).map(([, rows]) => rows);
}
