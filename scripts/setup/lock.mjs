import { randomUUID } from 'node:crypto';
import {
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { say } from './run.mjs';

const HEARTBEAT_MS = 5_000;
const POLL_MS = 250;

/** A lock whose owner has not been heard of for so long is taken over. */
const STALE_AFTER_MS = 30_000;

/** Runs `body` while no other set-up of this clone runs; waits for one that does. */
export async function withLock(root, body) {
  mkdirSync(join(root, 'build'), { recursive: true });
  const lock = join(root, 'build/setup.lock');
  // Process numbers come again, and are the same in two containers: the rest tells owners apart.
  const owner = `${process.pid} ${randomUUID()}`;
  await acquire(lock, owner);
  const release = () => releaseOwn(lock, owner);
  const heartbeat = setInterval(() => touchOwn(lock, owner), HEARTBEAT_MS);
  process.once('exit', release);
  try {
    return await body();
  } finally {
    clearInterval(heartbeat);
    process.off('exit', release);
    release();
  }
}

async function acquire(lock, owner) {
  let waiting = false;
  while (!create(lock, owner)) {
    const stale = staleOwner(lock);
    if (stale !== undefined) {
      removeStale(lock, stale);
    } else {
      if (!waiting) say('waiting for another set-up of this clone to end');
      waiting = true;
      await sleep(POLL_MS);
    }
  }
}

/** Whether there was no lock, and now is one of that owner. */
function create(lock, owner) {
  try {
    writeFileSync(lock, owner, { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

/**
 * The owner, where its process is gone, or has that number on another machine or in another
 * container; undefined where it lives or there is no lock.
 */
function staleOwner(lock) {
  const owner = unlessGone(() => readFileSync(lock, 'utf8'));
  const file = statSync(lock, { throwIfNoEntry: false });
  if (owner === undefined || !file) return undefined;
  const isSilent = Date.now() - file.mtimeMs > STALE_AFTER_MS;
  return isSilent || !isRunning(owner) ? owner : undefined;
}

function isRunning(owner) {
  // A lock is empty for the moment between being made and being written.
  if (owner === '') return true;
  try {
    process.kill(Number.parseInt(owner, 10), 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/**
 * Removes a lock that is still of the owner that was found stale. Moved away first, so that of two
 * that found it only one removes it, and what the other moves is looked at before it is lost.
 */
export function removeStale(lock, stale) {
  const moved = `${lock}.${randomUUID()}`;
  unlessGone(() => renameSync(lock, moved));
  const owner = unlessGone(() => readFileSync(moved, 'utf8'));
  if (owner !== undefined && owner !== stale) create(lock, owner);
  rmSync(moved, { force: true });
}

function releaseOwn(lock, owner) {
  if (isOwn(lock, owner)) rmSync(lock, { force: true });
}

/** A lock that was taken over, while this machine slept, is not kept alive. */
function touchOwn(lock, owner) {
  const now = new Date();
  if (isOwn(lock, owner)) unlessGone(() => utimesSync(lock, now, now));
}

function isOwn(lock, owner) {
  return unlessGone(() => readFileSync(lock, 'utf8')) === owner;
}

/** What `access` returns; undefined where its file is gone, which another set-up may do any time. */
function unlessGone(access) {
  try {
    return access();
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}
