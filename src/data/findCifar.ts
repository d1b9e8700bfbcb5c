import type { Stats } from 'node:fs';
import { open, readdir, readlink, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { MocoError } from '../error.js';
import { unreadable } from './cifarFolder.js';
import {
  CIFAR_LAYOUTS,
  CIFAR10,
  CIFAR100,
  type CifarLayout,
  type CifarVariant,
  fileIn,
  folderIn,
  recordBytes,
} from './cifarVariant.js';

/** How many folders below the data root a copy may lie: `root/a/b/cifar-10-batches-bin`. */
const MAX_DEPTH = 3;

/** A data root may be anything, a home folder too: no more folders than this are looked into, by level. */
const MAX_FOLDERS = 1000;

/** With this byte every pickle of protocol 2 or later begins. */
const PICKLE = 0x80;

/** A folder that holds a data set, or what is left of it. */
export interface CifarCopy {
  readonly folder: string;
  readonly layout: CifarLayout;
}

/**
 * Finds the files of a variant: in its usual folders in the data root, in the data root itself, in a
 * folder up to three levels below, or in the usual folders beside the data root, which need not be
 * there then. Undefined where there are none.
 * @throws MocoError `ERR_MOCO_DATA` where the data root is no folder or cannot be read, where a link
 *   leads nowhere, and where it cannot be told which copy is meant
 */
export async function findCifar(
  variant: CifarVariant,
  dataRoot: string,
): Promise<CifarCopy | undefined> {
  if (!(await isFolder(dataRoot))) return await besideRoot(variant, dataRoot);
  const usual = await usualCopies(variant, dataRoot);
  for (const copy of usual) if (await holdsSome(variant, copy)) return copy;
  const [own] = await copiesIn(variant, dataRoot);
  const elsewhere =
    own ?? (await belowRoot(variant, dataRoot)) ?? (await besideRoot(variant, dataRoot));
  return elsewhere ?? usual[0]; // an empty folder in the usual place is reported by who reads it
}

/**
 * Makes sure that a data set may be made in the data root: it is not itself the folder of one, as
 * `data/cifar-10-batches-bin` is.
 * @throws MocoError `ERR_MOCO_DATA`
 */
export function requireRoot(variant: CifarVariant, dataRoot: string): void {
  if (!hasNameOfCopy(dataRoot)) return;
  throw new MocoError(
    'ERR_MOCO_DATA',
    `${dataRoot} has the name of a data set's own folder, and does not hold ${variant.title}`,
    { hint: `Name the folder around it: --data-root ${dirname(resolve(dataRoot))}` },
  );
}

/** One line for the user where a copy lies elsewhere than usual. */
export function placeNotice(variant: CifarVariant, dataRoot: string, copy: CifarCopy): string[] {
  const usual = folderIn(variant, copy.layout);
  if (copy.folder === join(dataRoot, usual)) return [];
  return [
    `${variant.title} was found in ${copy.folder}, not in ${join(dataRoot, usual)}: ` +
      `--data-root ${rootOf(variant, copy)} names it`,
  ];
}

/** The data root that would name a copy. */
function rootOf(variant: CifarVariant, { folder, layout }: CifarCopy): string {
  return basename(folder) === folderIn(variant, layout) ? dirname(folder) : folder;
}

async function usualCopies(variant: CifarVariant, dataRoot: string): Promise<CifarCopy[]> {
  const found: CifarCopy[] = [];
  for (const layout of CIFAR_LAYOUTS) {
    const folder = join(dataRoot, folderIn(variant, layout));
    if (await isFolder(folder)) found.push({ folder, layout });
  }
  return found;
}

/** A copy in the folder around the data root, which may be named one level too deep. */
async function besideRoot(variant: CifarVariant, dataRoot: string): Promise<CifarCopy | undefined> {
  for (const layout of CIFAR_LAYOUTS) {
    const copy = { folder: join(dirname(resolve(dataRoot)), folderIn(variant, layout)), layout };
    if (await holdsSome(variant, copy)) return copy;
  }
  return undefined;
}

/** The copy that lies the fewest levels below the data root. */
async function belowRoot(variant: CifarVariant, dataRoot: string): Promise<CifarCopy | undefined> {
  let level = [dataRoot];
  for (let depth = 1; depth <= MAX_DEPTH; depth++) {
    const folders: string[] = [];
    for (const parent of level) folders.push(...(await subfolders(parent)));
    folders.splice(MAX_FOLDERS);
    const found: CifarCopy[] = [];
    for (const folder of folders) found.push(...(await copiesIn(variant, folder)));
    if (found.length > 0) return onlyOne(variant, dataRoot, found);
    level = folders;
  }
  return undefined;
}

function onlyOne(variant: CifarVariant, dataRoot: string, found: readonly CifarCopy[]): CifarCopy {
  const [first] = found as [CifarCopy];
  const areTogether = found.every(({ folder }) => dirname(folder) === dirname(first.folder));
  const layouts = new Set(found.map(({ layout }) => layout));
  if (areTogether && layouts.size === found.length) {
    return found.find(({ layout }) => layout === 'binary') ?? first;
  }
  const folders = found.map(({ folder }) => folder).sort();
  throw new MocoError(
    'ERR_MOCO_DATA',
    `${variant.title} is not in ${join(dataRoot, variant.folder)}, and several copies lie below: ${folders.join(', ')}`,
    { hint: `Name one of them, such as --data-root ${rootOf(variant, first)}` },
  );
}

/** Folders in a folder, hidden ones apart; none where it cannot be read, since nobody named it. */
async function subfolders(parent: string): Promise<string[]> {
  const entries = await readdir(parent, { withFileTypes: true }).catch(() => []);
  const folders: string[] = [];
  for (const entry of entries) {
    const path = join(parent, entry.name);
    if (entry.name.startsWith('.')) continue;
    if (entry.isDirectory()) folders.push(path);
    else if (entry.isSymbolicLink() && (await found(path))?.isDirectory()) folders.push(path);
  }
  return folders.sort();
}

/** What looks like a whole copy in a folder of any name. */
async function copiesIn(variant: CifarVariant, folder: string): Promise<CifarCopy[]> {
  const copies: CifarCopy[] = [];
  for (const layout of CIFAR_LAYOUTS) {
    const paths = edgeFiles(variant, { folder, layout });
    const looksRight =
      layout === 'binary' ? (path: string) => holdsRecords(variant, path) : isPickle;
    const areRight = await Promise.all(paths.map(looksRight));
    if (areRight.every(Boolean)) copies.push({ folder, layout });
  }
  return copies;
}

/** Whether any of the files is there that every copy has. */
async function holdsSome(variant: CifarVariant, copy: CifarCopy): Promise<boolean> {
  const files = await Promise.all(edgeFiles(variant, copy).map(found));
  return files.some((file) => file !== undefined);
}

/** The first training file and the test file. */
function edgeFiles({ train, test }: CifarVariant, { folder, layout }: CifarCopy): string[] {
  return [train, test].map(({ files: [first = ''] }) => join(folder, fileIn(layout, first)));
}

async function holdsRecords(variant: CifarVariant, path: string): Promise<boolean> {
  const file = await found(path);
  return file?.isFile() === true && file.size > 0 && file.size % recordBytes(variant) === 0;
}

async function isPickle(path: string): Promise<boolean> {
  if (!(await found(path))?.isFile()) return false;
  try {
    await using file = await open(path);
    const { buffer } = await file.read(Buffer.alloc(1), 0, 1, 0);
    return buffer[0] === PICKLE;
  } catch {
    return false; // it cannot be read, so it is no copy to use
  }
}

function hasNameOfCopy(folder: string): boolean {
  const name = basename(resolve(folder)).toLowerCase();
  const variants = [CIFAR10, CIFAR100];
  return CIFAR_LAYOUTS.some((layout) => variants.some((of) => folderIn(of, layout) === name));
}

/**
 * Whether a folder is there. @throws MocoError `ERR_MOCO_DATA` where something else is, as a link
 * that leads nowhere, of which it is not known what it stands for
 */
async function isFolder(path: string): Promise<boolean> {
  try {
    if ((await stat(path)).isDirectory()) return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw unreadable(path, cause);
    const target = await readlink(path).catch(() => undefined);
    if (target === undefined) return false;
    throw new MocoError('ERR_MOCO_DATA', `${path} is a link to ${target}, which is not there`, {
      hint: 'Mount or restore what it leads to, or delete the link.',
    });
  }
  throw new MocoError('ERR_MOCO_DATA', `${path} is not a folder`, {
    hint: 'Name the folder that the data sets lie in with --data-root.',
  });
}

/** Undefined where there is nothing, or nothing that can be told. */
async function found(path: string): Promise<Stats | undefined> {
  return await stat(path).catch(() => undefined);
}
