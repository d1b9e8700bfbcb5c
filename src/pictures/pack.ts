import { existsSync } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeFolder } from '../disk/folder.js';
import { requireSpace } from '../disk/freeSpace.js';
import { FileLock, LockAttempts } from '../disk/lock.js';
import { outputError } from '../disk/outputError.js';
import { partialPaths } from '../disk/partialPaths.js';
import type { ProgressListener } from '../download/whileListening.js';
import { MocoError } from '../error.js';
import { shortened } from '../formats/formatError.js';
import { version } from '../version.js';
import { inOrder } from './inFlight.js';
import { byName } from './names.js';
import { PACKED_VERSION, pictureBytes } from './packedMeta.js';
import { PartialPack } from './partialPack.js';
import { type PicturesProgress, Reports } from './reports.js';
import { decodingThreads } from './sharp.js';
import type { BrokenFile, PictureSource, StoredPicture, Unreadable } from './source.js';

/** How far packing is. */
export interface PackProgress extends PicturesProgress {
  /** The lock of another process that is packing this file, for which this one waits. */
  readonly waitingFor?: string | undefined;
}

export interface PackOptions {
  /** Called a few times a second; what it throws ends the packing. */
  readonly onProgress?: ProgressListener<PackProgress> | undefined;
  /** Ends it; the same call goes on from there the next time. */
  readonly signal?: AbortSignal | undefined;
}

/** `PackOptions` as the parts of packing take them, whose listener throws nothing. */
export interface Packaging {
  readonly tell: (progress: PackProgress) => void;
  readonly signal: AbortSignal;
}

/** The same with the lock of the file that is made. */
export interface LockedPackaging extends Packaging {
  readonly lock: FileLock;
}

/** How a source is packed. */
export interface Packing {
  /** Refuses where anything is broken, after looking at all of it. */
  readonly strict: boolean;
  /** Version of sharp, where it decodes the pictures. */
  readonly sharp?: string | undefined;
}

/** Bytes of files that are in memory at a time, unless one has more. */
const BYTES_IN_FLIGHT = 2 ** 26;

/** Broken files that an error names. */
const NAMED = 5;

/** About what a picture takes in a packed file beside its pixels, in bytes. */
const BYTES_BESIDE = 128;

/**
 * Takes the lock of a packed file that is to be made, and makes its folder.
 * @throws MocoError `ERR_MOCO_OUTPUT`, `ERR_MOCO_ABORTED`
 */
export async function packLock(path: string, { tell, signal }: Packaging): Promise<FileLock> {
  const lock = lockOf(path);
  await makeFolder(dirname(path));
  const waiting = {
    path,
    done: 0,
    total: 0,
    broken: 0,
    perSecond: undefined,
    secondsLeft: undefined,
  };
  const onWait = () => tell({ ...waiting, waitingFor: lock });
  try {
    return await FileLock.wait(lock, { onWait, signal });
  } catch (cause) {
    if (signal.aborted) throw stopped(path, 0, signal);
    throw outputError(path, cause);
  }
}

/**
 * Removes what a process left beside a packed file that was killed when this was whole. One that
 * lives does so itself, and a folder that cannot be written keeps it: nobody needs it gone.
 */
export async function removePackLeftovers(path: string): Promise<void> {
  const { journal } = partialPaths(path);
  const lock = lockOf(path);
  if (!existsSync(lock) && !existsSync(journal)) return;
  try {
    const outcome = new LockAttempts(lock).next();
    if (!(outcome instanceof FileLock)) return;
    using _lock = outcome;
    await rm(journal, { force: true });
  } catch {
    // See above.
  }
}

/**
 * Makes a packed file from a source, or goes on with one that an earlier process has begun.
 * @param packaging with the lock of the file, which is held
 * @throws MocoError `ERR_MOCO_DATA` with `strict` where something is broken, or where no picture can
 *   be read; `ERR_MOCO_OUTPUT`; `ERR_MOCO_ABORTED`
 */
export async function packSource(
  source: PictureSource,
  path: string,
  { strict, sharp }: Packing,
  { tell, signal, lock }: LockedPackaging,
): Promise<void> {
  await requireRoom(source, path);
  await using pack = await PartialPack.open(path, source, () => requireHeld(lock, path));
  for await (const picture of readInOrder(source, path, pack, tell)) {
    if (signal.aborted) throw stopped(path, pack.next, signal);
    await pack.add(picture);
  }
  if (strict && pack.broken.length > 0) throw refused(source, pack.broken);
  if (pack.count === 0) throw noneReadable(source, pack.broken);
  await pack.finish({ version: PACKED_VERSION, fit: 'cover', moco: version, sharp });
}

/** Where reading a source begins. */
interface ReadingFrom {
  /** The first candidate. */
  readonly next: number;
  /** What was found broken before it. */
  readonly broken: readonly unknown[];
}

/**
 * Reads the candidates of a source in order, several at a time, and tells how far it is. It goes on
 * until the consumer ends it, whom the signal tells.
 * @param path of the packed file, or of what is read, for the reports
 */
export async function* readInOrder(
  source: PictureSource,
  path: string,
  { next: first, broken }: ReadingFrom,
  tell: Packaging['tell'],
): AsyncGenerator<StoredPicture | Unreadable, void> {
  const read = readFrom(source, first);
  const progress = new Reports(path, first, source.count, tell);
  let [done, failed] = [first, broken.length];
  progress.report(done, failed);
  for await (const picture of read) {
    yield picture;
    done += 1;
    if ('reason' in picture) failed += 1;
    progress.report(done, failed);
  }
}

/** Reads the candidates of a source in order, from `first` on, several at a time. */
export function readFrom(
  source: PictureSource,
  first: number,
): AsyncGenerator<StoredPicture | Unreadable, void> {
  const limit = { items: 8 * decodingThreads(), weight: BYTES_IN_FLIGHT };
  const weight = (candidate: number) => source.weight(candidate);
  return inOrder([first, source.count], limit, weight, (candidate) => source.read(candidate));
}

function lockOf(path: string): string {
  return `${path}.lock`;
}

/**
 * Makes sure that nobody has taken the file over, as a process on another machine does where this one
 * stood still for long.
 */
function requireHeld(lock: FileLock, path: string): void {
  if (lock.isHeld) return;
  const message = `another process took over packing ${path}, while this one stood still`;
  throw new MocoError('ERR_MOCO_OUTPUT', message, { hint: 'Start this one again: it will wait.' });
}

/** Makes sure that the disk has room for what is not there yet of the file. */
async function requireRoom({ count, side }: PictureSource, path: string): Promise<void> {
  const part = await stat(partialPaths(path).part).catch(() => undefined);
  const bytes = count * (pictureBytes(side) + BYTES_BESIDE) - (part?.size ?? 0);
  const hint = 'Free some space, choose another folder, or store smaller pictures.';
  await requireSpace(dirname(path), bytes, { what: `packing ${count} pictures`, hint });
}

function stopped(path: string, done: number, signal: AbortSignal): MocoError {
  return new MocoError('ERR_MOCO_ABORTED', `packing ${path} was stopped after ${done} files`, {
    hint: 'The same command goes on from there.',
    cause: signal.reason,
  });
}

/** The error of a strict reading. */
export function refused(
  { places }: Pick<PictureSource, 'places'>,
  broken: readonly BrokenFile[],
): MocoError {
  return new MocoError(
    'ERR_MOCO_DATA',
    `${places.join(', ')}: ${broken.length} broken\n${brokenLines(broken)}`,
    { hint: 'Repair or remove them, or go on without them by leaving --strict out.' },
  );
}

/** The error where not one file gives a picture. */
export function noneReadable(
  { places }: Pick<PictureSource, 'places'>,
  broken: readonly BrokenFile[],
): MocoError {
  return new MocoError(
    'ERR_MOCO_DATA',
    `${places.join(', ')}: none of ${broken.length} files can be read as a picture\n${brokenLines(broken)}`,
  );
}

/** The first broken files, each with its reason. */
export function brokenLines(broken: readonly BrokenFile[]): string {
  const lines = byName(broken)
    .slice(0, NAMED)
    .map(({ name, reason }) => `  ${shortened(name)}: ${reason}`);
  if (broken.length > NAMED) lines.push(`  … and ${broken.length - NAMED} more`);
  return lines.join('\n');
}
