// Plain JavaScript, like lock.js, which it is a part of.
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { types } from 'node:util';

/**
 * Who holds a lock: the content of its file.
 * @typedef {object} LockHolder
 * @property {number} pid
 * @property {string} host  for people: host names change, and two machines may have the same one
 * @property {string} started  when the lock was taken; ISO 8601
 * @property {string | undefined} place  where `pid` means the same process: see `placeOf`
 * @property {string | undefined} processStart  when the process started, as its system tells that
 * @property {string} id  that no other holder has
 */

/**
 * What is known of a holder: `unknown` where only its signs of life can tell.
 * @typedef {'alive' | 'ended' | 'unknown'} HolderState
 */

/** @returns {LockHolder} this process, as the holder of one more lock */
export function thisHolder() {
  return {
    pid: process.pid,
    host: hostname(),
    started: new Date().toISOString(),
    place: thisPlace(),
    processStart: startOf(process.pid),
    id: randomUUID(),
  };
}

/**
 * @param {string} content of a lock's file
 * @returns {LockHolder | undefined} undefined for anything but a whole file: one is empty for the
 *   moment between being made and being written
 */
export function parseHolder(content) {
  try {
    const { pid, host, started, place, processStart, id } = JSON.parse(content);
    const isWhole = Number.isInteger(pid) && pid > 0 && typeof host === 'string';
    if (!isWhole || !Number.isFinite(Date.parse(started))) return undefined;
    return { pid, host, started, place, processStart, id };
  } catch {
    return undefined;
  }
}

/**
 * What the system tells of a lock's holder. Numbers of processes come again, and are the same in two
 * containers; so a process is the holder only if it started when the holder did, under the same
 * kernel and among the same processes, and it has the lock's file open. A worker thread that ended
 * without a word has no file open any more, though its process goes on; and a lock that was copied
 * along with a folder is open nowhere. A process that stands still (SIGSTOP, a busy event loop, a
 * machine asleep) has its files open.
 * @param {LockHolder | undefined} holder
 * @param {string} path of the lock
 * @returns {HolderState}
 */
export function stateOf(holder, path) {
  if (holder?.place === undefined || holder.place !== thisPlace()) return 'unknown';
  if (!isThere(holder.pid)) return 'ended';
  const start = startOf(holder.pid);
  if (start === undefined || holder.processStart === undefined) return 'unknown';
  if (start !== holder.processStart) return 'ended';
  const isOpen = hasOpen(holder.pid, path);
  if (isOpen === undefined) return holder.pid === process.pid ? 'unknown' : 'alive';
  return isOpen ? 'alive' : 'ended';
}

/**
 * Among which processes of which kernel this one has its number. Elsewhere than on Linux: on which
 * machine.
 * @returns {string | undefined} undefined where the system does not tell
 */
function thisPlace() {
  if (process.platform !== 'linux') return hostname();
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return undefined;
  }
}

/**
 * Whether there is a process of that number, whoever's it is.
 * @param {number} pid
 */
function isThere(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !(types.isNativeError(error) && 'code' in error && error.code === 'ESRCH');
  }
}

/**
 * When a process started, in words that are the same whenever they are asked for.
 * @param {number} pid
 * @returns {string | undefined} undefined where the system does not tell; `ended` for a process that
 *   only waits for its parent to look at how it ended
 */
function startOf(pid) {
  return process.platform === 'linux' ? startInProc(pid) : startByPs(pid);
}

/**
 * @param {number} pid
 * @returns {string | undefined} clock ticks since the start of the kernel
 */
function startInProc(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // What stands before the last bracket is the name of the program, which may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? 'ended' : fields[19];
  } catch {
    return undefined; // others' processes can be hidden
  }
}

/**
 * For systems without /proc, such as macOS.
 * @param {number} pid
 * @returns {string | undefined} date and time, to the second
 */
export function startByPs(pid) {
  const env = { ...process.env, LC_ALL: 'C', TZ: 'UTC' };
  const words = ['-o', 'lstart=', '-p', `${pid}`];
  const { status, stdout } = spawnSync('ps', words, { env, encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}

/**
 * Whether a process has a file open.
 * @param {number} pid
 * @param {string} path
 * @returns {boolean | undefined} undefined where the system does not tell: not on Linux, or another
 *   user's process
 */
function hasOpen(pid, path) {
  try {
    const { dev, ino } = statSync(path, { bigint: true });
    const folder = `/proc/${pid}/fd`;
    return readdirSync(folder).some((name) => {
      const open = statSync(`${folder}/${name}`, { bigint: true, throwIfNoEntry: false });
      return open?.dev === dev && open.ino === ino;
    });
  } catch {
    return undefined;
  }
}
