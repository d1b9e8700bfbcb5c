import { createHash } from 'node:crypto';
import { open, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type LoadOptions, STL10_FOLDER } from '../data/dataset.js';
import {
  alone,
  downloadArchive,
  type PublishedArchive,
  requireOfficial,
  unpackArchive,
} from '../data/publishedArchive.js';
import { flush } from '../disk/flush.js';
import { isError, MocoError } from '../error.js';
import { contentHash } from './listedSource.js';
import { NO_LABEL, type PictureSource, type StoredPicture, TEST, TRAIN } from './source.js';

/** Height and width of its pictures, in pixels. */
export const STL10_SIDE = 96;

/** Of one picture: 3 planes (R, G, B), each column after column. */
const RECORD_BYTES = 3 * STL10_SIDE * STL10_SIDE;

/** The files of pictures, as packed files have them; labels are 1 to 10, a byte each. */
const PARTS = [
  { pictures: 'train_X.bin', labels: 'train_y.bin', split: TRAIN, official: 5000 },
  { pictures: 'test_X.bin', labels: 'test_y.bin', split: TEST, official: 8000 },
  { pictures: 'unlabeled_X.bin', labels: undefined, split: TRAIN, official: 100_000 },
] as const;

const [CLASS_FILE, FOLD_FILE] = ['class_names.txt', 'fold_indices.txt'] as const;

/** Names by label, less one, for a folder without `class_names.txt`. */
const CLASSES = 'airplane bird car cat deer dog horse monkey ship truck'.split(' ');

/** What a text may take, in bytes. */
const MAX_TEXT = 1 << 20;

/** The binary version, as its authors publish it (https://cs.stanford.edu/~acoates/stl10/). */
export const STL10_ARCHIVE: PublishedArchive = {
  title: 'STL-10',
  folder: STL10_FOLDER,
  file: 'stl10_binary.tar.gz',
  url: 'http://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz',
  urlVariable: 'MOCO_STL10_URL',
  md5: '91f7769df0f17e558f3565bffb0c7dfb',
  limits: new Map([
    ...PARTS.map(({ pictures, official }) => limit(pictures, official * RECORD_BYTES)),
    ...PARTS.flatMap(({ labels, official }) => (labels ? [limit(labels, official)] : [])),
    ...[CLASS_FILE, FOLD_FILE].map((file) => limit(file, MAX_TEXT)),
  ]),
};

function limit(file: string, bytes: number): [path: string, bytes: number] {
  return [`${STL10_FOLDER}/${file}`, bytes];
}

/** A file of pictures that is there. */
interface Part {
  readonly path: string;
  readonly file: string;
  readonly split: number;
  readonly count: number;
  /** Number of its first picture among all. */
  readonly first: number;
  /** 1 to 10 each; undefined where it has none. */
  readonly labels: Buffer | undefined;
  readonly mtimeNs: bigint;
}

/**
 * STL-10: 96 × 96 pixels, of which 5,000 with labels and 100,000 without are trained on. It is taken
 * from `<dataRoot>/stl10_binary`, and fetched where that is not there. The unlabelled pictures may be
 * missing, since they are 2.8 GB.
 * @param archive the published one; another one for tests
 * @throws MocoError `ERR_MOCO_DATA` for wrong files; those of a download
 */
export async function stl10Source(
  dataRoot: string,
  options: LoadOptions,
  archive: PublishedArchive = STL10_ARCHIVE,
): Promise<PictureSource> {
  const folder = join(dataRoot, STL10_FOLDER);
  if (!(await isThere(folder))) await fetchStl10(archive, dataRoot, options);
  const parts = await partsIn(folder);
  const classes = await classesIn(folder);
  const partOf = (candidate: number) => parts.findLast(({ first }) => first <= candidate) as Part;
  const official = PARTS.every(({ pictures }) => parts.some(({ file }) => file === pictures));
  return {
    places: [folder],
    fingerprint: fingerprintOf(parts, classes),
    count: parts.reduce((sum, { count }) => sum + count, 0),
    side: STL10_SIDE,
    imageSize: STL10_SIDE,
    classes,
    rules: { labels: 'stl10', split: 'stl10' },
    broken: [],
    notices: official ? [] : [`${folder}: no ${PARTS[2].pictures}: only labelled pictures train`],
    name: (candidate) => nameOf(partOf(candidate), candidate),
    weight: () => RECORD_BYTES,
    read: async (candidate) => await readRecord(partOf(candidate), candidate),
    label: (candidate) => {
      const { labels, first } = partOf(candidate);
      return labels === undefined ? NO_LABEL : (labels[candidate - first] as number) - 1;
    },
    split: (candidate) => partOf(candidate).split,
  };
}

async function fetchStl10(
  archive: PublishedArchive,
  dataRoot: string,
  options: LoadOptions,
): Promise<void> {
  const { signal } = options;
  await alone(archive, dataRoot, options, async (lock) => {
    if (await isThere(join(dataRoot, archive.folder))) return;
    const file = join(dataRoot, archive.file);
    const lay = await isThere(file);
    if (lay) await requireOfficial(archive, dataRoot, signal);
    else await downloadArchive(archive, dataRoot, lock, options);
    const complete = async (folder: string) => {
      for (const { path } of await partsIn(folder)) await flush(path);
    };
    await unpackArchive(archive, dataRoot, complete, signal);
    if (!lay) await rm(file, { force: true });
  });
}

/** The parts that are there. @throws MocoError `ERR_MOCO_DATA` where labelled ones are missing or wrong */
async function partsIn(folder: string): Promise<Part[]> {
  const parts: Part[] = [];
  let first = 0;
  for (const { pictures: file, labels, split } of PARTS) {
    const path = join(folder, file);
    if (labels === undefined && !(await isThere(path))) continue;
    const { size, mtimeNs } = await stat(path, { bigint: true }).catch(unreadable(path));
    const count = Number(size) / RECORD_BYTES;
    if (!Number.isInteger(count) || count === 0) throw wrongSize(path, Number(size));
    const given = labels && (await readLabels(join(folder, labels), count));
    parts.push({ path, file, split, count, first, labels: given, mtimeNs });
    first += count;
  }
  return parts;
}

async function readLabels(path: string, count: number): Promise<Buffer> {
  const labels = await readFile(path).catch(unreadable(path));
  const wrong = labels.findIndex((label) => label < 1 || label > CLASSES.length);
  if (labels.length !== count) {
    throw dataError(`${path} has ${labels.length} labels, for ${count} pictures`);
  }
  if (wrong < 0) return labels;
  const range = `expected 1 to ${CLASSES.length}`;
  throw dataError(
    `${path}: picture ${wrong} (counted from 0) has label ${labels[wrong]}, ${range}`,
  );
}

async function classesIn(folder: string): Promise<readonly string[]> {
  const text = await readFile(join(folder, CLASS_FILE), 'utf8').catch(() => '');
  const names = text.split(/\s+/).filter((name) => name !== '');
  return names.length === CLASSES.length ? names : CLASSES;
}

async function readRecord(
  { path, first }: Part,
  candidate: number,
): Promise<StoredPicture | { reason: string }> {
  await using file = await open(path).catch(unreadable(path));
  const record = Buffer.allocUnsafe(RECORD_BYTES);
  const at = (candidate - first) * RECORD_BYTES;
  const { bytesRead } = await file.read(record, 0, RECORD_BYTES, at);
  if (bytesRead < RECORD_BYTES) return { reason: 'it changed while it was read' };
  const size = { width: STL10_SIDE, height: STL10_SIDE };
  return { pixels: pixelsOf(record), hash: contentHash(record), format: 'stl10', ...size };
}

/** Turns planes, column after column, into pixels, row after row. */
export function pixelsOf(record: Uint8Array): Uint8Array {
  const pixels = new Uint8Array(RECORD_BYTES);
  const plane = STL10_SIDE * STL10_SIDE;
  for (let row = 0, at = 0; row < STL10_SIDE; row++) {
    for (let column = 0; column < STL10_SIDE; column++) {
      const place = column * STL10_SIDE + row;
      pixels[at++] = record[place] as number;
      pixels[at++] = record[plane + place] as number;
      pixels[at++] = record[2 * plane + place] as number;
    }
  }
  return pixels;
}

/** `train_X.bin/00017`: the place in the file, counted from 0. */
function nameOf({ file, first }: Part, candidate: number): string {
  return `${file}/${String(candidate - first).padStart(5, '0')}`;
}

function fingerprintOf(parts: readonly Part[], classes: readonly string[]): string {
  const hash = createHash('sha256').update(JSON.stringify(classes));
  for (const { file, count, mtimeNs, labels } of parts) {
    hash.update(`${file} ${count} ${mtimeNs} `).update(labels ?? '');
  }
  return hash.digest('hex');
}

async function isThere(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

function wrongSize(path: string, size: number): MocoError {
  return dataError(`${path} has ${size} bytes, which is no number of pictures of ${RECORD_BYTES}`);
}

function unreadable(path: string): (cause: unknown) => never {
  return (cause) => {
    const reason = isError(cause) ? cause.message.split(',')[0] : String(cause);
    throw dataError(`cannot read ${path}: ${reason}`);
  };
}

function dataError(message: string): MocoError {
  const hint = `Delete the folder ${STL10_FOLDER} to have STL-10 downloaded again (2.6 GB), or unpack ${STL10_ARCHIVE.file} in its place.`;
  return new MocoError('ERR_MOCO_DATA', message, { hint });
}
