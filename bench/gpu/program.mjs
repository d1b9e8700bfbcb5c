// Runs a program for a limited time, with all that it starts.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** A program has so long to end after it was asked to. */
const GRACE_SECONDS = 8;

/** Of a log, what comes after so many bytes is left out. */
const LARGEST_LOG = 4e6;

/**
 * Runs a program in a process group of its own. What it prints goes into a log, and to our own standard
 * error. When its time is over or the signal comes, the whole group is ended.
 * @param command the program and its arguments
 * @param env variables beside ours
 * @param log the file
 * @param seconds that it may take
 * @param signal an AbortSignal
 * @returns how it ended, in words: `done` where its exit code is 0
 */
export async function runProgram({ command, env, log, seconds, signal }) {
  const [program, ...args] = command;
  const child = spawn(program, args, {
    ...{ detached: true, stdio: ['ignore', 'pipe', 'pipe'] },
    env: { ...process.env, ...env },
  });
  const file = openLog(log);
  for (const output of [child.stdout, child.stderr]) output.on('data', file.write);
  try {
    await once(child, 'spawn');
    return await outcomeOf(child, seconds, signal);
  } catch (error) {
    return `did not start: ${error.message}`;
  } finally {
    file.close();
  }
}

async function outcomeOf(child, seconds, signal) {
  const closed = once(child, 'close');
  const exited = child.exitCode === null ? once(child, 'exit') : Promise.resolve();
  const ending = new AbortController();
  const { signal: ended } = ending;
  const timeIsOver = sleep(seconds * 1000, `cut off after ${seconds} s`, { signal: ended });
  timeIsOver.catch(() => {}); // the rejection that ending it is
  const stopped = new Promise((resolve) => {
    const stop = () => resolve('stopped');
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { signal: ended });
  });
  const cut = await Promise.race([exited.then(() => undefined), timeIsOver, stopped]);
  if (cut) {
    endGroup(child, 'SIGTERM');
    await Promise.race([exited, sleep(GRACE_SECONDS * 1000, undefined, { ref: false })]);
  }
  endGroup(child, 'SIGKILL'); // also what the program has left behind
  ending.abort();
  const [exitCode, killedBy] = await closed;
  if (cut) return cut;
  if (killedBy) return `ended by ${killedBy}`;
  return exitCode === 0 ? 'done' : `exit code ${exitCode}`;
}

function endGroup(child, name) {
  try {
    process.kill(-child.pid, name);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error; // there is nothing left of it
  }
}

/** A log file that is also shown. */
function openLog(path) {
  const file = openSync(path, 'w');
  let written = 0;
  return {
    write(chunk) {
      process.stderr.write(chunk);
      if (written > LARGEST_LOG) return;
      written += chunk.length;
      writeSync(file, chunk);
      if (written > LARGEST_LOG) writeSync(file, '\n… the rest is left out\n');
    },
    close: () => closeSync(file),
  };
}
