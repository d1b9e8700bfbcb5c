// Plain JavaScript, since a set-up needs it before anything is compiled; and no package's, since it
// keeps two set-ups from installing packages at once, when there are none yet.
import { randomUUID } from 'node:crypto';
import { readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

const HEARTBEAT_MS = 5_000;
const POLL_MS = 250;

/** Who is waited for and was not heard of for so long is gone, whatever its process. */
const SILENT_AFTER_MS = 30_000;

/**
 * Who holds a lock: the content of its file, with an identifier that no other holder has. Process
 * numbers alone come again, and are the same in two containers.
 * @typedef {object} LockHolder
 * @property {number} pid
 * @property {string} host
 * @property {string} started  ISO 8601
 */

/** Somebody else holds a lock. */
export class LockHeld extends Error {
  /**
   * @param {string} path
   * @param {LockHolder | undefined} holder undefined where the lock's file does not say
   */
  constructor(path, holder) {
    super(`${path} is held by another process`);
    this.path = path;
    this.holder = holder;
  }
}

/**
 * Keeps others out as long as its file is there. It is released when its process exits; what a
 * process of this machine leaves that is killed is taken over by the next one.
 */
export class FileLock {
  /** @type {string} */
  #path;
  /** @type {string} */
  #content;
  /** @type {NodeJS.Timeout | undefined} */
  #heartbeat;
  #release = () => this.release();

  /**
   * Callers take `acquire` or `wait`.
   * @param {string} path
   * @param {string} content
   * @param {boolean} hasHeartbeat
   */
  constructor(path, content, hasHeartbeat) {
    this.#path = path;
    this.#content = content;
    if (hasHeartbeat) this.#heartbeat = setInterval(() => this.#giveSign(), HEARTBEAT_MS);
    process.once('exit', this.#release);
  }

  /**
   * Takes a lock that must be free. Nobody else takes it over while its holder may live: a holder
   * on another machine, or one that stands still, is for the user to judge.
   * @param {string} path its folder exists
   * @returns {FileLock}
   * @throws LockHeld; Error as Node's, where the file cannot be written
   */
  static acquire(path) {
    const content = ownContent();
    const found = attempt(path, content, false);
    if (found !== undefined) throw new LockHeld(path, parseHolder(found));
    return new FileLock(path, content, false);
  }

  /**
   * Takes a lock, or waits until it is free. All who take it wait for each other and give signs of
   * life, so that nobody waits for one on another machine, or with a number that another process
   * has now, that is gone.
   * @param {string} path its folder exists
   * @param {object} [options]
   * @param {(before: number) => void} [options.onWait] called several times a second while waiting,
   *   with the number of calls before
   * @param {AbortSignal | undefined} [options.signal] ends the waiting
   * @returns {Promise<FileLock>}
   * @throws Error as Node's, where the file cannot be written, or after the signal
   */
  static async wait(path, { onWait, signal } = {}) {
    const content = ownContent();
    for (let waits = 0; attempt(path, content, true) !== undefined; waits++) {
      onWait?.(waits);
      await sleep(POLL_MS, undefined, signal && { signal });
    }
    return new FileLock(path, content, true);
  }

  /** Leaves alone what another one has taken over since. Can be called more than once. */
  release() {
    clearInterval(this.#heartbeat);
    process.off('exit', this.#release);
    if (this.#isOwn()) rmSync(this.#path, { force: true });
  }

  [Symbol.dispose]() {
    this.release();
  }

  /** A lock that was taken over, while this machine slept, is not kept alive. */
  #giveSign() {
    const now = new Date();
    if (this.#isOwn()) unlessGone(() => utimesSync(this.#path, now, now));
  }

  #isOwn() {
    return read(this.#path) === this.#content;
  }
}

/**
 * Makes the lock's file, after removing one whose holder is gone.
 * @param {string} path
 * @param {string} content
 * @param {boolean} silenceTells whether a holder that gives no sign of life is gone
 * @returns {string | undefined} what the file of somebody else says, who holds the lock
 */
function attempt(path, content, silenceTells) {
  while (!create(path, content)) {
    const found = read(path);
    if (found === undefined) continue; // its holder has just released it
    const isSilent = silenceTells && silenceOf(path) > SILENT_AFTER_MS;
    if (!isSilent && !hasEnded(parseHolder(found))) return found;
    removeStale(path, found);
  }
  return undefined;
}

/** @returns {string} */
function ownContent() {
  const holder = { pid: process.pid, host: hostname(), started: new Date(), id: randomUUID() };
  return `${JSON.stringify(holder)}\n`;
}

/**
 * Whether there was no file, and now is one with this content.
 * @param {string} path
 * @param {string} content
 */
function create(path, content) {
  try {
    writeFileSync(path, content, { flag: 'wx' });
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    rmSync(path, { force: true }); // the disk may have been full after it was made
    throw error;
  }
}

/**
 * Removes a lock that still has the content that was found stale. Moved away first, so that of two
 * that found it only one removes it, and what the other moves is looked at before it is lost.
 * @param {string} path
 * @param {string} stale
 */
export function removeStale(path, stale) {
  const moved = `${path}.${randomUUID()}`;
  unlessGone(() => renameSync(path, moved));
  const content = read(moved);
  if (content !== undefined && content !== stale) create(path, content);
  rmSync(moved, { force: true });
}

/**
 * @param {string} path
 * @returns {string | undefined} undefined where there is no file
 */
function read(path) {
  return unlessGone(() => readFileSync(path, 'utf8'));
}

/**
 * Milliseconds since the last sign of life.
 * @param {string} path
 */
function silenceOf(path) {
  const file = statSync(path, { throwIfNoEntry: false });
  return file === undefined ? 0 : Date.now() - file.mtimeMs;
}

/**
 * @param {string} content
 * @returns {LockHolder | undefined} undefined for anything but a whole file: one is empty for the
 *   moment between being made and being written
 */
function parseHolder(content) {
  try {
    const { pid, host, started } = JSON.parse(content);
    const isWhole = Number.isInteger(pid) && pid > 0 && typeof host === 'string';
    return isWhole && Number.isFinite(Date.parse(started)) ? { pid, host, started } : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Whether a holder is known to have ended.
 * @param {LockHolder | undefined} holder
 */
function hasEnded(holder) {
  if (holder === undefined || holder.host !== hostname()) return false;
  const { pid, started } = holder;
  // In containers, a new process mostly has the number of the one that ended.
  if (pid === process.pid) return Date.parse(started) < Date.now() - 1000 * process.uptime();
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return hasCode(error, 'ESRCH');
  }
}

/**
 * What `access` returns; undefined where its file is gone, which another process may do any time.
 * @template T
 * @param {() => T} access
 * @returns {T | undefined}
 */
function unlessGone(access) {
  try {
    return access();
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/**
 * @param {unknown} error
 * @param {string} code
 */
function hasCode(error, code) {
  return error instanceof Error && 'code' in error && error.code === code;
}
