import { mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
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
  await acquire(lock);
  const release = () => rmSync(lock, { force: true });
  const heartbeat = setInterval(() => touch(lock), HEARTBEAT_MS);
  process.once('exit', release);
  try {
    return await body();
  } finally {
    clearInterval(heartbeat);
    process.off('exit', release);
    release();
  }
}

async function acquire(lock) {
  let waiting = false;
  while (!tryAcquire(lock)) {
    if (isStale(lock)) {
      rmSync(lock, { force: true });
    } else {
      if (!waiting) say('waiting for another set-up of this clone to end');
      waiting = true;
      await sleep(POLL_MS);
    }
  }
}

function tryAcquire(lock) {
  try {
    writeFileSync(lock, `${process.pid}`, { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

/** Its process is gone, or has that number on another machine or in another container. */
function isStale(lock) {
  const file = statSync(lock, { throwIfNoEntry: false });
  if (!file) return false;
  return Date.now() - file.mtimeMs > STALE_AFTER_MS || !isRunning(Number(readFileSync(lock)));
}

function isRunning(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function touch(lock) {
  const now = new Date();
  utimesSync(lock, now, now);
}
