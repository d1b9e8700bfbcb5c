// Plain JavaScript, since a set-up needs it before anything is compiled; and no package's, since it
// keeps two set-ups from installing packages at once, when there are none yet.
import { createHash } from 'node:crypto';
import {
  closeSync,
  futimesSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { types } from 'node:util';
import { parseHolder, stateOf, thisHolder } from './lockHolder.js';

/** @typedef {import('./lockHolder.js').LockHolder} LockHolder */

const HEARTBEAT_MS = 5_000;

/** Milliseconds between two looks at a lock that somebody else holds. */
export const POLL_MS = 250;

/**
 * A holder of which nothing else is known has ended when so many looks in a row, a minute's, found
 * no sign of life. Looks are counted, and not time, in which the looker may have stood still with
 * the holder: on the same laptop, asleep, or before the same file server.
 */
const SILENT_LOOKS = 60_000 / POLL_MS;

/**
 * Keeps others out as long as its file is there. Its holder has the file open, and gives a sign of
 * life every few seconds by the file's time. The lock belongs to who took it, and not to a process:
 * two in one process exclude each other.
 *
 * What a holder leaves that was killed is taken over by the next one. Where the system tells which
 * process it was (see `stateOf`), that is exact: no holder is robbed, however long it stands still.
 * One of another machine or container is judged by its signs of life; one that stood still longer
 * than a minute may have been robbed, and finds that out by `isHeld`.
 *
 * This needs nothing of the file system but that files are made exclusively and have a time: locks
 * of the kernel would tell at once, but some network file systems have none, or such as others do
 * not see, without saying so.
 */
export class FileLock {
  /** @type {string} */
  #path;
  /** @type {string} */
  #content;
  /** @type {number} */
  #file;
  /** @type {NodeJS.Timeout} */
  #heartbeat;

  /**
   * `LockAttempts` makes them.
   * @param {string} path
   * @param {string} content
   * @param {number} file descriptor
   */
  constructor(path, content, file) {
    this.#path = path;
    this.#content = content;
    this.#file = file;
    this.#heartbeat = setInterval(() => this.#giveSign(), HEARTBEAT_MS).unref();
    if (held.size === 0) process.on('exit', releaseHeld);
    held.set(content, this);
  }

  /**
   * Takes a lock, or waits until it is free.
   * @param {string} path its folder exists
   * @param {object} [options]
   * @param {(before: number) => void} [options.onWait] called several times a second while waiting,
   *   with the number of calls before
   * @param {AbortSignal | undefined} [options.signal] ends the waiting
   * @returns {Promise<FileLock>}
   * @throws Error as Node's, where the file cannot be written, or after the signal
   */
  static async wait(path, { onWait, signal } = {}) {
    const attempts = new LockAttempts(path);
    for (let waits = 0; ; waits++) {
      const outcome = attempts.next();
      if (outcome instanceof FileLock) return outcome;
      onWait?.(waits);
      await sleep(POLL_MS, undefined, signal && { signal });
    }
  }

  /** Whether nobody has taken it over, and it was not released. */
  get isHeld() {
    return held.has(this.#content) && read(this.#path) === this.#content;
  }

  /**
   * Leaves alone what another one has taken over since. Never fails: a file that cannot be removed
   * is open nowhere any more, and the next one takes it over. Can be called more than once.
   */
  release() {
    if (!held.has(this.#content)) return;
    try {
      if (this.isHeld) rmSync(this.#path, { force: true });
    } catch {
      // See above.
    }
    held.delete(this.#content);
    if (held.size === 0) process.off('exit', releaseHeld);
    clearInterval(this.#heartbeat);
    closeSync(this.#file); // last, since who finds the file open nowhere takes the lock over
  }

  [Symbol.dispose]() {
    this.release();
  }

  #giveSign() {
    const now = new Date();
    try {
      // Node's permission model lets no open file's time be set, only that of a path.
      if (!process.permission) futimesSync(this.#file, now, now);
      else if (this.isHeld) utimesSync(this.#path, now, now);
    } catch {
      // A file server may be away: the next sign may come through, and `isHeld` tells otherwise.
    }
  }
}

/**
 * The locks of this thread, by the content of their files.
 * @type {Map<string, FileLock>}
 */
const held = new Map();

function releaseHeld() {
  for (const lock of held.values()) lock.release();
}

/**
 * Somebody else holds a lock.
 * @typedef {object} LockHeld
 * @property {LockHolder | undefined} holder undefined where the lock's file does not say
 * @property {boolean} isAlive whether it is known to live; else more looks will tell
 */

/** What was found in the place of a lock.
 * @typedef {object} Found
 * @property {string} content
 * @property {bigint} sign the time of the last sign of life
 * @property {bigint} inode
 */

/** Attempts to take a lock, `POLL_MS` after one another, by one who remembers what it saw. */
export class LockAttempts {
  /** @type {Found | undefined} */
  #seen;
  /** How many looks in a row found the holder as it was at the first. */
  #silentLooks = 0;
  /** @type {LockAttempts | undefined} */
  #claim;

  /** @param {string} path its folder exists */
  constructor(path) {
    this.path = path;
  }

  /**
   * Takes the lock where it is free or its holder has ended.
   * @returns {FileLock | LockHeld}
   * @throws Error as Node's, where the file cannot be written
   */
  next() {
    for (;;) {
      const lock = create(this.path);
      if (lock !== undefined) return lock;
      const found = look(this.path);
      // Its holder has just released it, or it is a link to nowhere, which stays.
      if (found === undefined) return { holder: undefined, isAlive: false };
      const holder = parseHolder(found.content);
      const state = this.#judge(found);
      if (state !== 'ended') return { holder, isAlive: state === 'alive' };
      if (!this.#remove(found)) return { holder, isAlive: false };
    }
  }

  /**
   * @param {Found} found
   * @returns {import('./lockHolder.js').HolderState}
   */
  #judge(found) {
    const state = stateOf(parseHolder(found.content), this.path);
    if (state !== 'unknown') return state;
    if (held.has(found.content)) return 'alive';
    const before = this.#seen;
    this.#seen = found;
    const isSilent = before !== undefined && isSame(before, found);
    this.#silentLooks = isSilent ? this.#silentLooks + 1 : 0;
    if (this.#silentLooks >= SILENT_LOOKS) return 'ended';
    return before?.content === found.content && !isSilent ? 'alive' : 'unknown';
  }

  /**
   * Removes the lock of a holder that has ended. Of all who found that, only the one who holds a
   * lock of its own for this may do so, and no other has taken the place meanwhile.
   * @param {Found} found
   * @returns whether nobody else is at it
   */
  #remove(found) {
    const name = createHash('sha256').update(found.content).digest('hex').slice(0, 16);
    const path = `${this.path}.${name}`;
    if (this.#claim?.path !== path) this.#claim = new LockAttempts(path);
    const claim = this.#claim.next();
    if (!(claim instanceof FileLock)) return false;
    try {
      const now = look(this.path);
      if (now !== undefined && isSame(now, found)) rmSync(this.path, { force: true });
    } finally {
      claim.release();
    }
    return true;
  }
}

/**
 * Makes a lock's file.
 * @param {string} path
 * @returns {FileLock | undefined} undefined where there is one
 */
function create(path) {
  const file = unless('EEXIST', () => openSync(path, 'wx'));
  if (file === undefined) return undefined;
  const content = `${JSON.stringify(thisHolder())}\n`;
  try {
    writeSync(file, content);
    return new FileLock(path, content, file);
  } catch (error) {
    rmSync(path, { force: true }); // the disk may be full
    closeSync(file);
    throw error;
  }
}

/**
 * @param {string} path
 * @returns {Found | undefined} undefined where there is no file
 */
function look(path) {
  // Opened first: network file systems ask their server for the time then.
  const content = read(path);
  const file = statSync(path, { bigint: true, throwIfNoEntry: false });
  if (content === undefined || file === undefined) return undefined;
  return { content, sign: file.mtimeNs, inode: file.ino };
}

/**
 * Whether nothing has happened between two looks.
 * @param {Found} one
 * @param {Found} other
 */
function isSame(one, other) {
  return one.content === other.content && one.sign === other.sign && one.inode === other.inode;
}

/**
 * @param {string} path
 * @returns {string | undefined} undefined where there is no file
 */
function read(path) {
  return unless('ENOENT', () => readFileSync(path, 'utf8'));
}

/**
 * What `access` returns; undefined where it fails with that code, which another process may cause
 * any time.
 * @template T
 * @param {string} code
 * @param {() => T} access
 * @returns {T | undefined}
 */
function unless(code, access) {
  try {
    return access();
  } catch (error) {
    if (types.isNativeError(error) && 'code' in error && error.code === code) return undefined;
    throw error;
  }
}
