import { createHash } from 'node:crypto';
import { MocoError } from '../error.js';
import { shortened } from '../formats/formatError.js';
import { decodePicture } from './decode.js';
import { type LabelTable, readLabelTable } from './labelTable.js';
import { sortedNaturally } from './names.js';
import { readListed } from './readFile.js';
import { type ListedFile, type Listing, scanFolders } from './scan.js';
import { HASH_BYTES, NO_LABEL, type PictureSource, type SourceRules, TRAIN } from './source.js';
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

/** Notices name so many kinds of files that are passed over. */
const KINDS_NAMED = 5;

/**
 * The pictures below folders. The label `folders` is the name of the first folder on the way to a
 * picture, below the folder that was named and below the one that holds its split; a picture that
 * lies in none has no label.
 * @param folders absolute paths
 * @param side of the stored pictures
 * @throws MocoError `ERR_MOCO_DATA` for a wrong folder or table, or where there are no pictures;
 *   `ERR_MOCO_ABORTED`
 */
export async function folderSource(
  folders: readonly string[],
  side: number,
  rules: FolderRules,
  signal?: AbortSignal | undefined,
): Promise<PictureSource> {
  const listing = await scanFolders(folders, signal);
  const { files } = listing;
  if (files.length === 0) throw noPictures(folders, listing);
  const places = files.map((file) => placeOf(file, listing.prefixes));
  const splits = splitsOf(folders, places, rules);
  const labels = await labelsOf(listing, places, splits.byFolder, rules.labels);
  const { testFraction, splitSeed } = rules;
  return {
    places: folders,
    fingerprint: fingerprintOf(listing, labels.tableHash, splits.byFolder, rules),
    count: files.length,
    side,
    classes: labels.classes,
    rules: rulesOf(rules, splits.byFolder),
    broken: listing.broken,
    notices: [...ignoredNotice(listing), ...splits.notices, ...labels.notices],
    name: (candidate) => (files[candidate] as ListedFile).name,
    weight: (candidate) => (files[candidate] as ListedFile).size,
    read: async (candidate) => await readPicture(files[candidate] as ListedFile, side),
    label: (candidate) => labels.of[candidate] ?? NO_LABEL,
    split: (candidate, hash) =>
      splits.byFolder
        ? (places[candidate]?.split ?? TRAIN)
        : splitByContent(hash, testFraction, splitSeed),
  };
}

function rulesOf({ labels, testFraction, splitSeed }: FolderRules, byFolder: boolean): SourceRules {
  const kind = ['none', 'folders'].includes(labels) ? labels : 'table';
  const split = byFolder ? { split: 'folders' } : { split: 'fraction', testFraction, splitSeed };
  return { labels: kind, ...split };
}

async function readPicture(file: ListedFile, side: number) {
  const bytes = await readListed(file);
  if ('reason' in bytes) return bytes;
  const decoded = await decodePicture(bytes, side);
  if ('reason' in decoded) return decoded;
  const hash = createHash('sha256').update(bytes).digest().subarray(0, HASH_BYTES);
  return { ...decoded, hash };
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

function placeOf({ name, root }: ListedFile, prefixes: readonly string[]): Place {
  const prefix = prefixes[root];
  const way = (prefix === undefined ? name : name.slice(prefix.length + 1)).split('/');
  const folders = way.slice(0, -1);
  const [folder] = folders;
  // A folder that was named may itself be a split: --data pictures/train --data pictures/test.
  const ownSplit = prefix === undefined ? undefined : splitOfFolder(prefix);
  if (ownSplit !== undefined) return { split: ownSplit, folder, folderInSplit: folder };
  const split = folder === undefined ? undefined : splitOfFolder(folder);
  return { split, folder, folderInSplit: split === undefined ? folder : folders[1] };
}

interface Splits {
  readonly byFolder: boolean;
  readonly notices: readonly string[];
}

function splitsOf(
  folders: readonly string[],
  places: readonly Place[],
  { split }: Pick<FolderRules, 'split'>,
): Splits {
  const found = new Set(places.map((place) => place.split));
  const areThere = found.has(TRAIN) && [...found].some((other) => other && other !== TRAIN);
  if (split === 'fraction' || (split === 'auto' && !areThere))
    return { byFolder: false, notices: [] };
  if (!areThere) {
    throw new MocoError(
      'ERR_MOCO_DATA',
      `${folders.join(', ')}: no pictures in a folder train beside a folder val or test`,
      { hint: 'Name the folders so, or take test pictures by a fraction: --split fraction.' },
    );
  }
  const outside = places.filter((place) => place.split === undefined).length;
  const notice = `${outside} pictures lie in none of the folders train, val and test: they train`;
  return { byFolder: true, notices: outside > 0 ? [notice] : [] };
}

interface Labels {
  /** By candidate; empty where there are none. */
  readonly of: Int32Array;
  readonly classes: readonly string[];
  readonly notices: readonly string[];
  readonly tableHash: string;
}

async function labelsOf(
  { files, prefixes }: Listing,
  places: readonly Place[],
  byFolder: boolean,
  labels: string,
): Promise<Labels> {
  if (labels === 'none') {
    return { of: new Int32Array(), classes: [], notices: [], tableHash: '' };
  }
  if (labels === 'folders') {
    const names = places.map(({ folder, folderInSplit }) => (byFolder ? folderInSplit : folder));
    return { ...numbered(names), tableHash: '' };
  }
  const table = await readLabelTable(labels);
  const used = new Set<string>();
  const names = files.map(({ name, root }) => {
    const prefix = prefixes[root];
    const inFolder = prefix === undefined ? name : name.slice(prefix.length + 1);
    const key = table.labels.has(name) ? name : inFolder;
    if (table.labels.has(key)) used.add(key);
    return table.labels.get(key);
  });
  const { notices, ...rest } = numbered(names);
  const unused = unusedNotice(labels, table, used);
  return { ...rest, notices: [...notices, ...unused], tableHash: table.hash };
}

/** Classes in the order of their names, and the label of each picture. */
function numbered(names: readonly (string | undefined)[]): Omit<Labels, 'tableHash'> {
  const classes = sortedNaturally(new Set(names.filter((name) => name !== undefined)));
  const labels = new Map(classes.map((name, label) => [name, label]));
  const of = Int32Array.from(names, (name) => labels.get(name ?? '') ?? NO_LABEL);
  const without = names.filter((name) => name === undefined).length;
  const notices = without > 0 ? [`${without} of ${names.length} pictures have no label`] : [];
  return { of, classes, notices };
}

function unusedNotice(path: string, { labels }: LabelTable, used: ReadonlySet<string>): string[] {
  const unused = labels.size - used.size;
  if (unused === 0) return [];
  const [first = ''] = [...labels.keys()].filter((name) => !used.has(name));
  return [
    `${path}: ${unused} of its ${labels.size} files are no pictures here, as ${shortened(first)}`,
  ];
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
