import { dirname, relative, resolve } from 'node:path';
import { writeFileAtomic } from '../disk/atomicFile.js';
import { makeFolder } from '../disk/folder.js';
import { neighbourPage } from '../evaluate/neighbourPage.js';
import type { PictureNeighbours } from '../evaluate/pictureNeighbours.js';
import { thumbnailOfFile } from '../pictures/thumbnail.js';
import { requireWritable } from '../run/outputFolder.js';

/** What a page shows. */
export interface PicturePage {
  readonly title: string;
  readonly explanation: string;
  readonly pictures: readonly PictureNeighbours[];
  /** The folder in which the index's pictures are named; undefined where nobody has said it. */
  readonly folder: string | undefined;
  /** The files of the first pictures of all rows, where they are not in that folder. */
  readonly queries?: readonly string[] | undefined;
}

/** @throws MocoError `ERR_MOCO_OUTPUT` where a page that is asked for cannot be written */
export async function requirePageWritable(page: string | undefined): Promise<void> {
  if (page !== undefined) await requireWritable(dirname(page));
}

/**
 * Writes a page, if one is asked for. A picture that is not found, or cannot be read, is shown by its
 * name.
 * @throws MocoError `ERR_MOCO_OUTPUT`; `ERR_MOCO_DATA` where sharp is not installed
 */
export async function writePicturePage(
  page: string | undefined,
  { title, explanation, pictures, folder, queries }: PicturePage,
): Promise<void> {
  if (page === undefined) return;
  const names = pictures.map(({ name }) => name);
  const near = pictures.flatMap(({ neighbours }) => neighbours.map(({ name }) => name));
  const images = {
    queries: await thumbnails(queries ?? names.map((name) => within(folder, name))),
    neighbours: await thumbnails(near.map((name) => within(folder, name))),
  };
  await makeFolder(dirname(page));
  await writeFileAtomic(page, neighbourPage({ title, explanation }, pictures, images));
}

/** The file of a name, unless that leads out of the folder. */
function within(folder: string | undefined, name: string): string | undefined {
  if (folder === undefined) return undefined;
  const file = resolve(folder, name);
  return relative(folder, file).startsWith('..') ? undefined : file;
}

async function thumbnails(files: readonly (string | undefined)[]): Promise<(string | undefined)[]> {
  const images: (string | undefined)[] = [];
  for (const file of files) images.push(file && (await thumbnailOfFile(file)));
  return images;
}
