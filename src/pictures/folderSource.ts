import { createHash } from 'node:crypto';
import { MocoError } from '../error.js';
import { shortened } from '../formats/formatError.js';
import { type ClassLabels, classLabels, NO_LABELS } from './classLabels.js';
import { type LabelTable, readLabelTable } from './labelTable.js';
import { listedSource } from './listedSource.js';
import { type ListedFile, type Listing, scanFolders } from './scan.js';
import { type PictureSource, type SourceRules, TEST, TRAIN, VALIDATION } from './source.js';
import { splitByContent, splitOfFolder } from './splits.js';

/** How pictures in folders get labels and splits. */
export interface FolderRules {
  /** `none`; `folders`: the name of the folder that a picture lies in; else the path of a table. */
  readonly labels: string;
  /**
   * `folders`: the folders `train`, `val` and `test` hold the splits. `fraction`: by the content.
   * `auto`: by folders where a `train` lies beside a `val` or `test`, else by fraction.
   */
  readonly split: 'auto' | 'folders' | 'fraction';
  /** Share of the pictures that are test pictures, with a split by fraction. */
  readonly testFraction: number;
  readonly splitSeed: number;
}

/** In pixels. */
export interface PictureSizes {
  /** Height and width of the stored pictures. */
  readonly storedSize: number;
  /** Of the views that are to be made of them. */
  readonly imageSize: number;
}

/** Notices name so many kinds of files that are passed over. */
const KINDS_NAMED = 5;

/**
 * The pictures below folders. The label `folders` is the name of the first folder on the way to a
 * picture, below the folder that was named and below the one that holds its split; a picture that
 * lies in none has no label.
 * @param folders absolute paths
 * @param sizes of the stored pictures, and of the views that are to be made of them
 * @throws MocoError `ERR_MOCO_DATA` for a wrong folder or table, or where there are no pictures;
 *   `ERR_MOCO_ABORTED`
 */
export async function folderSource(
  folders: readonly string[],
  { storedSize, imageSize }: PictureSizes,
  rules: FolderRules,
  signal?: AbortSignal | undefined,
): Promise<PictureSource> {
  const listing = await scanFolders(folders, signal);
  if (listing.files.length === 0) throw noPictures(folders, listing);
  const places = listing.files.map((file) => placeOf(file, listing));
  const byFolder = isByFolder(folders, places, rules);
  const { labels, notices, tableHash } = await labelsOf(listing, places, byFolder, rules.labels);
  const { testFraction, splitSeed } = rules;
  return listedSource(listing, {
    ...{ places: folders, side: storedSize, imageSize, labels, rules: rulesOf(rules, byFolder) },
    fingerprint: fingerprintOf(listing, tableHash, byFolder, rules),
    notices: [...ignoredNotice(listing), ...outsideNotice(places, byFolder), ...notices],
    split: byFolder
      ? (candidate) => places[candidate]?.split ?? TRAIN
      : (_, hash) => splitByContent(hash, testFraction, splitSeed),
  });
}

/** What the way to a picture says. */
interface Place {
  /** By the folder that holds a split; undefined where it lies in none. */
  readonly split: number | undefined;
  /** The first folder below the one that was named; undefined for a picture right in there. */
  readonly folder: string | undefined;
  /** The same below the folder that holds its split. */
  readonly folderInSplit: string | undefined;
}

function placeOf(file: ListedFile, listing: Listing): Place {
  const folders = nameInFolder(file, listing).split('/').slice(0, -1);
  const [folder] = folders;
  // A folder that was named may itself be a split: --data pictures/train --data pictures/test.
  const prefix = listing.prefixes[file.root];
  const ownSplit = prefix === undefined ? undefined : splitOfFolder(prefix);
  if (ownSplit !== undefined) return { split: ownSplit, folder, folderInSplit: folder };
  const split = folder === undefined ? undefined : splitOfFolder(folder);
  return { split, folder, folderInSplit: split === undefined ? folder : folders[1] };
}

/** The name of a file below the folder that was named. */
function nameInFolder({ name, root }: ListedFile, { prefixes }: Listing): string {
  const prefix = prefixes[root];
  return prefix === undefined ? name : name.slice(prefix.length + 1);
}

/** Whether folders hold the splits. */
function isByFolder(
  folders: readonly string[],
  places: readonly Place[],
  { split }: FolderRules,
): boolean {
  const found = new Set(places.map((place) => place.split));
  const areThere = found.has(TRAIN) && (found.has(VALIDATION) || found.has(TEST));
  if (split !== 'folders' || areThere) return split !== 'fraction' && areThere;
  throw new MocoError(
    'ERR_MOCO_DATA',
    `${folders.join(', ')}: no pictures in a folder train beside a folder val or test`,
    { hint: 'Name the folders so, or take test pictures by a fraction: --split fraction.' },
  );
}

function rulesOf({ labels, testFraction, splitSeed }: FolderRules, byFolder: boolean): SourceRules {
  const split = byFolder ? { split: 'folders' } : { split: 'fraction', testFraction, splitSeed };
  return { labels: labelsFrom(labels), ...split };
}

/** Where labels are from, as a header says it. @param labels as in `FolderRules` */
export function labelsFrom(labels: string): string {
  return ['none', 'folders'].includes(labels) ? labels : 'table';
}

interface FoundLabels {
  readonly labels: ClassLabels;
  readonly notices: readonly string[];
  readonly tableHash: string;
}

async function labelsOf(
  listing: Listing,
  places: readonly Place[],
  byFolder: boolean,
  rule: string,
): Promise<FoundLabels> {
  if (rule === 'none') return { labels: NO_LABELS, notices: [], tableHash: '' };
  if (rule === 'folders') {
    const names = places.map(({ folder, folderInSplit }) => (byFolder ? folderInSplit : folder));
    const labels = classLabels(names);
    return { labels, notices: withoutNotice(labels), tableHash: '' };
  }
  const table = await readLabelTable(rule);
  const keys = listing.files.map((file) =>
    table.labels.has(file.name) ? file.name : nameInFolder(file, listing),
  );
  const labels = classLabels(keys.map((key) => table.labels.get(key)));
  const notices = [...withoutNotice(labels), ...unusedNotice(rule, table, new Set(keys))];
  return { labels, notices, tableHash: table.hash };
}

function withoutNotice({ without, of }: ClassLabels): string[] {
  return without > 0 ? [`${without} of ${of.length} pictures have no label`] : [];
}

function unusedNotice(path: string, { labels }: LabelTable, found: ReadonlySet<string>): string[] {
  const unused = [...labels.keys()].filter((name) => !found.has(name));
  const [first] = unused;
  if (first === undefined) return [];
  return [
    `${path}: ${unused.length} of its ${labels.size} files are no pictures here, as ${shortened(first)}`,
  ];
}

function outsideNotice(places: readonly Place[], byFolder: boolean): string[] {
  const outside = places.filter((place) => place.split === undefined).length;
  if (!byFolder || outside === 0) return [];
  return [`${outside} pictures lie in none of the folders train, val and test: they train`];
}

function ignoredNotice({ ignored }: Listing): string[] {
  if (ignored.size === 0) return [];
  const kinds = [...ignored].sort(([, a], [, b]) => b - a);
  const named = kinds
    .slice(0, KINDS_NAMED)
    .map(([ending, files]) => `${files} ${ending === '' ? 'without ending' : shortened(ending)}`);
  const more = kinds.length > KINDS_NAMED ? ' …' : '';
  return [
    `files passed over, since their names do not end as those of pictures: ${named.join(', ')}${more}`,
  ];
}

function noPictures(folders: readonly string[], { broken, ignored }: Listing): MocoError {
  const others = [...ignored.values()].reduce((sum, files) => sum + files, broken.length);
  return new MocoError(
    'ERR_MOCO_DATA',
    `${folders.join(', ')}: no pictures, and ${others} other files`,
    {
      hint: 'Pictures are files that end in .jpg, .jpeg, .png, .webp, .tif, .tiff, .avif or .gif.',
    },
  );
}

/** Of the files, and of the rules as far as they have a say. */
function fingerprintOf(
  listing: Listing,
  tableHash: string,
  byFolder: boolean,
  { labels, testFraction, splitSeed }: FolderRules,
): string {
  const split = byFolder ? 'folders' : `${testFraction} ${splitSeed}`;
  const parts = [listing.fingerprint, tableHash === '' ? labels : tableHash, split];
  return createHash('sha256').update(parts.join('\0')).digest('hex');
}
