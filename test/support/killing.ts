import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { executable } from './moco.js';

/** A command that has begun its work. */
export interface Started {
  readonly child: ChildProcess;
  /** 0, or null where it was killed. */
  readonly ended: Promise<number | null>;
}

/** Starts a command, and waits until it tells on standard error that it works, or has ended. */
export async function startMoco(words: readonly string[]): Promise<Started> {
  const stdio = ['ignore', 'ignore', 'pipe'] as const;
  const child = spawn(process.execPath, [executable, ...words], { stdio: [...stdio] });
  const { stderr } = child;
  assert.ok(stderr);
  let text = '';
  stderr.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
  });
  const ended = once(child, 'exit').then(([status]) => {
    assert.ok(status === null || status === 0, text);
    return status as number | null;
  });
  await Promise.race([once(stderr, 'data'), ended]);
  return { child, ended };
}

/**
 * Starts a command again and again until it ends by itself, and kills it at random moments.
 * @param kills how often at most
 * @param seconds how long it works at most before it is killed
 * @param isDone whether what it makes is there: it may be killed after that, before it has ended
 * @returns how often it was killed
 */
export async function killedUntilDone(
  start: () => Promise<Started>,
  kills: number,
  seconds: number,
  isDone = () => false,
): Promise<number> {
  for (let killed = 0; ; ) {
    const { child, ended } = await start();
    if (killed < kills) {
      await Promise.race([ended, sleep(1000 * Math.random() * seconds)]);
      if (child.exitCode === null) child.kill('SIGKILL');
    }
    if ((await ended) !== null) return killed;
    killed += 1;
    if (isDone()) return killed;
  }
}

/**
 * Runs a command, and ends it by Ctrl-C as soon as it tells that it works.
 * @returns all that it has written to standard error
 */
export async function interruptedMoco(words: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [executable, ...words], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    if (stderr === '') child.kill('SIGINT');
    stderr += text;
  });
  assert.deepEqual(await once(child, 'close'), [130, null]);
  return stderr;
}
