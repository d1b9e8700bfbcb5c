import { createHash } from 'node:crypto';
import type { BigIntStats, Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { throwIfAborted } from '../abort.js';
import { MocoError } from '../error.js';
import { eachOf } from './inFlight.js';
import { byName, nameText } from './names.js';
import type { BrokenFile } from './source.js';

/** How the names of pictures end, in small letters. */
const ENDINGS: readonly string[] = [
  ...['.jpg', '.jpeg', '.jpe', '.jfif', '.png', '.webp'],
  ...['.tif', '.tiff', '.avif', '.gif'],
];

/** Files that are looked at in one go. */
const STATS_IN_FLIGHT = 64;

const [DOT, SLASH] = [0x2e, Buffer.from('/')];

/** A file that should be a picture. */
export interface ListedFile {
  /** Bytes where the path is no UTF-8. */
  readonly path: string | Buffer;
  /** Below its folder; begins with the folder's own name where there are several folders. */
  readonly name: string;
  /** Which of the folders it lies in. */
  readonly root: number;
  readonly size: number;
  readonly mtimeNs: bigint;
}

/** What is in folders of pictures. */
export interface Listing {
  /** The folders' names, by which the names of files begin; empty where there is one folder. */
  readonly prefixes: readonly string[];
  /** In the order of their names, byte by byte. */
  readonly files: readonly ListedFile[];
  readonly broken: readonly BrokenFile[];
  /** How many files are passed over since their names end otherwise, by that ending. */
  readonly ignored: ReadonlyMap<string, number>;
  /** SHA-256 of every file's name, size and time of change, and of all that is broken. */
  readonly fingerprint: string;
}

/**
 * Lists the pictures below folders: files whose names end as those of pictures do. Hidden files and
 * folders are passed over. Links are followed; a folder that several ways lead to is entered once.
 * @throws MocoError `ERR_MOCO_DATA` where a folder is none or cannot be read; `ERR_MOCO_ABORTED`
 */
export async function scanFolders(
  folders: readonly string[],
  signal?: AbortSignal | undefined,
): Promise<Listing> {
  const prefixes = folders.length > 1 ? distinctNames(folders) : [];
  const scan = new Scan(signal);
  for (const [root, folder] of folders.entries()) {
    await scan.addRoot(folder, prefixes[root], root);
  }
  return { prefixes, ...(await scan.result()) };
}

/** The last parts of paths, with a number where two are the same. */
function distinctNames(folders: readonly string[]): string[] {
  const names: string[] = [];
  for (const folder of folders) {
    const name = basename(folder);
    let distinct = name;
    for (let copy = 2; names.includes(distinct); copy++) distinct = `${name}-${copy}`;
    names.push(distinct);
  }
  return names;
}

/** Something in a folder, by its path and by its name below the root. */
interface Place {
  readonly path: Buffer;
  readonly name: Buffer;
  readonly root: number;
}

class Scan {
  readonly #signal: AbortSignal | undefined;
  readonly #candidates: Place[] = [];
  readonly #links: Place[] = []; // that were not followed yet
  readonly #entered = new Set<string>();
  readonly #broken: BrokenFile[] = [];
  readonly #ignored = new Map<string, number>();

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal;
  }

  /** Lists what is below one of the folders that the user named. */
  async addRoot(folder: string, prefix: string | undefined, root: number): Promise<void> {
    const place = { path: Buffer.from(folder), name: Buffer.from(prefix ?? ''), root };
    const entries = await readdir(place.path, BY_BYTES).catch((cause: unknown) =>
      Promise.reject(noFolder(folder, cause)),
    );
    if (!(await this.#enterOnce(place))) return;
    await this.#list(place, entries);
    // Links come last, so that a folder has the name under which it lies there itself.
    while (this.#links.length > 0) await this.#follow(this.#links.splice(0));
  }

  async result(): Promise<Omit<Listing, 'prefixes'>> {
    this.#candidates.sort((a, b) => Buffer.compare(a.name, b.name));
    const files: ListedFile[] = [];
    const found = await eachOf(this.#candidates, STATS_IN_FLIGHT, async (place) => {
      throwIfAborted(this.#signal, 'looking for pictures');
      return await listed(place);
    });
    for (const file of found) {
      if ('reason' in file) this.#broken.push(file);
      else files.push(file);
    }
    const broken = byName(this.#broken);
    const fingerprint = fingerprintOf(files, broken);
    return { files, broken, ignored: this.#ignored, fingerprint };
  }

  /** Lists a folder and all folders below it. */
  async #list(folder: Place, entries: readonly Dirent<Buffer>[]): Promise<void> {
    throwIfAborted(this.#signal, 'looking for pictures');
    // In an order that does not depend on the disk: of two links to a folder, the first one counts.
    const sorted = [...entries].sort((a, b) => Buffer.compare(a.name, b.name));
    for (const entry of sorted) {
      if (entry.name[0] === DOT) continue;
      const place = below(folder, entry.name);
      if (entry.isDirectory()) await this.#enter(place);
      else if (entry.isSymbolicLink()) this.#links.push(place);
      else this.#add(place);
    }
  }

  async #enter(folder: Place): Promise<void> {
    try {
      if (await this.#enterOnce(folder))
        await this.#list(folder, await readdir(folder.path, BY_BYTES));
    } catch (error) {
      if (error instanceof MocoError) throw error;
      this.#broken.push({ name: `${nameText(folder.name)}/`, reason: unreadableReason(error) });
    }
  }

  async #follow(links: readonly Place[]): Promise<void> {
    const targets = await eachOf(links, STATS_IN_FLIGHT, async ({ path }) =>
      stat(path).catch(() => undefined),
    );
    for (const [index, link] of links.entries()) {
      if (targets[index]?.isDirectory()) await this.#enter(link);
      else this.#add(link);
    }
  }

  /** @returns whether it is the first time */
  async #enterOnce({ path }: Place): Promise<boolean> {
    const { dev, ino } = await stat(path, { bigint: true });
    const key = `${dev}:${ino}`;
    if (this.#entered.has(key)) return false;
    this.#entered.add(key);
    return true;
  }

  #add(place: Place): void {
    const ending = extname(nameText(place.name)).toLowerCase();
    if (ENDINGS.includes(ending)) this.#candidates.push(place);
    else this.#ignored.set(ending, 1 + (this.#ignored.get(ending) ?? 0));
  }
}

const BY_BYTES = { withFileTypes: true, encoding: 'buffer' } as const;

function below({ path, name, root }: Place, entry: Buffer): Place {
  return {
    path: Buffer.concat([path, SLASH, entry]),
    name: name.length === 0 ? entry : Buffer.concat([name, SLASH, entry]),
    root,
  };
}

/** Looks at a file without opening it, which could wait for ever where it is a pipe. */
async function listed({ path, name, root }: Place): Promise<ListedFile | BrokenFile> {
  const text = nameText(name);
  try {
    const found: BigIntStats = await stat(path, { bigint: true });
    if (!found.isFile()) return { name: text, reason: 'it is no file' };
    const decoded = path.toString();
    const isText = Buffer.from(decoded).equals(path);
    const { size, mtimeNs } = found;
    return { path: isText ? decoded : path, name: text, root, size: Number(size), mtimeNs };
  } catch (error) {
    return { name: text, reason: unreadableReason(error) };
  }
}

/** Why a file or folder cannot be read, by the system's error code. */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'it is not there, or a link that leads nowhere',
  ELOOP: 'it is a link that leads to itself',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  ENAMETOOLONG: 'its path is too long',
  ERR_ACCESS_DENIED: "Node's permission model does not allow it (--allow-fs-read)",
  EIO: 'the disk reports an error',
};

/** Why the system did not let something be read, in words. */
export function unreadableReason(error: unknown): string {
  const { code = '', message } = error as NodeJS.ErrnoException;
  return REASONS[code] ?? (code === '' ? message : code);
}

function noFolder(folder: string, cause: unknown): MocoError {
  const { code } = cause as NodeJS.ErrnoException;
  const problem =
    code === 'ENOTDIR' ? 'is no folder' : `cannot be read: ${unreadableReason(cause)}`;
  return new MocoError('ERR_MOCO_DATA', `${folder} ${problem}`, {
    hint: 'Name a folder of pictures, or one file that `moco data pack` made.',
    cause,
  });
}

function fingerprintOf(files: readonly ListedFile[], broken: readonly BrokenFile[]): string {
  const hash = createHash('sha256');
  for (const { name, size, mtimeNs } of files) hash.update(`${name}\0${size}\0${mtimeNs}\0`);
  for (const { name, reason } of broken) hash.update(`${name}\0${reason}\0`);
  return hash.digest('hex');
}
