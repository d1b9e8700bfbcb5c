import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { TINY_IMAGENET_FOLDER } from '../data/dataset.js';
import { isError, MocoError } from '../error.js';
import { classLabels } from './classLabels.js';
import { listedSource } from './listedSource.js';
import { type ListedFile, type Listing, scanFolders } from './scan.js';
import { type PictureSource, TRAIN } from './source.js';
import { splitOfFolder } from './splits.js';

/** Height and width of its pictures, in pixels. */
export const TINY_IMAGENET_SIDE = 64;

/** The file in `val` that names the class of each picture: name, class and a box, between tabs. */
const ANNOTATIONS = 'val/val_annotations.txt';

const ARCHIVE = 'http://cs231n.stanford.edu/tiny-imagenet-200.zip';

/**
 * Tiny ImageNet as it is published: `train/<class>/images`, `val/images` with a list of labels, and
 * `test/images` without labels. The names of the classes are WordNet's numbers.
 * @throws MocoError `ERR_MOCO_DATA` where it is not there, or incomplete; `ERR_MOCO_ABORTED`
 */
export async function tinyImagenetSource(
  dataRoot: string,
  signal?: AbortSignal | undefined,
): Promise<PictureSource> {
  const folder = join(dataRoot, TINY_IMAGENET_FOLDER);
  if ((await stat(folder).catch(() => undefined)) === undefined) throw missing(folder);
  const listing = await scanFolders([folder], signal);
  const { text, labels: validation } = await readAnnotations(join(folder, ANNOTATIONS));
  const splits = listing.files.map(({ name }) => splitOfFolder(partsOf(name)[0] as string));
  const labels = classLabels(listing.files.map((file) => classOf(file, validation)));
  if (labels.classes.length === 0) throw missing(folder);
  return listedSource(listing, {
    ...{ places: [folder], side: TINY_IMAGENET_SIDE, imageSize: TINY_IMAGENET_SIDE, labels },
    rules: { labels: 'tiny-imagenet', split: 'tiny-imagenet' },
    fingerprint: fingerprintOf(listing, text),
    notices: [],
    split: (candidate) => splits[candidate] ?? TRAIN,
  });
}

function classOf({ name }: ListedFile, validation: ReadonlyMap<string, string>) {
  const [split, second] = partsOf(name);
  if (split === 'train') return second;
  return split === 'val' ? validation.get(partsOf(name).at(-1) as string) : undefined;
}

function partsOf(name: string): string[] {
  return name.split('/');
}

async function readAnnotations(path: string) {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    const reason = isError(cause) ? cause.message.split(',')[0] : String(cause);
    throw new MocoError('ERR_MOCO_DATA', `cannot read ${path}: ${reason}`, {
      hint: `Unpack ${ARCHIVE} again.`,
      cause,
    });
  });
  const rows = text.split('\n').map((line) => line.split('\t'));
  const labels = new Map(rows.flatMap(([file, label]) => (file && label ? [[file, label]] : [])));
  return { text, labels };
}

function fingerprintOf({ fingerprint }: Listing, annotations: string): string {
  return createHash('sha256').update(`${fingerprint}\0${annotations}`).digest('hex');
}

function missing(folder: string): MocoError {
  return new MocoError('ERR_MOCO_DATA', `Tiny ImageNet is not in ${folder}`, {
    hint: `Unpack ${ARCHIVE} there, or name the folder that holds ${TINY_IMAGENET_FOLDER} with --data-root.`,
  });
}
