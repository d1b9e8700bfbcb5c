import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { FileLock, LockHeld, removeStale } from '#moco/disk/lock.js';
import { deadProcess } from '../../support/deadProcess.js';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'moco-lock-'));
  path = join(folder, 'lock');
});
afterEach(() => rmSync(folder, { recursive: true }));

const holder = (pid: number, host = hostname(), started = new Date()) =>
  JSON.stringify({ pid, host, started });

/** Makes the lock look as if its holder had given no sign of life for so long. */
function silence(seconds: number): void {
  const past = new Date(Date.now() - 1000 * seconds);
  utimesSync(path, past, past);
}

const isHeld = (error: unknown) => error instanceof LockHeld;

/** A program that takes the lock, says so, and does what `then` says. */
function program(then: string) {
  const module = import.meta.resolve('#moco/disk/lock.js');
  const script =
    `import { FileLock } from ${JSON.stringify(module)};` +
    `const lock = await FileLock.wait(${JSON.stringify(path)}); console.log('held'); ${then}`;
  return spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}

test('a lock says who holds it, and leaves nothing when it is released', () => {
  const lock = FileLock.acquire(path);
  assert.throws(
    () => FileLock.acquire(path),
    (error) =>
      error instanceof LockHeld &&
      error.holder?.pid === process.pid &&
      error.holder.host === hostname(),
  );
  lock.release();
  lock.release();
  assert.deepEqual(readdirSync(folder), []);
  FileLock.acquire(path).release();
});

test('those who wait get the lock one after the other', async () => {
  let holders = 0;
  const turns = [1, 2, 3].map(async () => {
    using _lock = await FileLock.wait(path);
    holders++;
    assert.equal(holders, 1);
    await new Promise((resolve) => setTimeout(resolve, 10));
    holders--;
  });
  await Promise.all(turns);
  assert.deepEqual(readdirSync(folder), []);
});

test('who waits is told so, and can be told to stop', async () => {
  using _lock = FileLock.acquire(path);
  const controller = new AbortController();
  const waits: number[] = [];
  const onWait = (before: number) => {
    waits.push(before);
    if (before === 2) controller.abort();
  };
  await assert.rejects(FileLock.wait(path, { onWait, signal: controller.signal }), {
    name: 'AbortError',
  });
  assert.deepEqual(waits, [0, 1, 2]);
});

test('what a killed process held is taken over', async () => {
  const child = program('await new Promise(() => setTimeout(() => {}, 1e9));');
  await once(child.stdout, 'data');
  assert.throws(() => FileLock.acquire(path), isHeld);
  child.kill('SIGKILL');
  await once(child, 'close');
  FileLock.acquire(path).release();
});

for (const [how, then] of [
  ['calls process.exit()', 'process.exit(0);'],
  ['throws', 'setTimeout(() => { throw new Error(); });'],
] as const) {
  test(`a process that ${how} releases what it held`, async () => {
    const ended = program(then);
    ended.stdout.resume();
    await once(ended, 'close');
    assert.deepEqual(readdirSync(folder), []);
  });
}

test('the lock of a process that has ended is taken over, also where it had the number of this one', () => {
  for (const content of [holder(deadProcess()), holder(process.pid, hostname(), new Date(0))]) {
    writeFileSync(path, content);
    FileLock.acquire(path).release();
  }
});

const ALIVE = [
  ['of a process that goes on', () => holder(process.ppid)],
  ['from another machine', () => holder(deadProcess(), 'elsewhere')],
  ['that is not whole', () => '{"pid":'],
  ['that says something else', () => '{"pid":-1,"host":"","started":"then"}'],
] as const;

for (const [name, content] of ALIVE) {
  test(`a lock ${name} stays, however long its holder is silent`, () => {
    writeFileSync(path, content());
    silence(1e6);
    assert.throws(() => FileLock.acquire(path), isHeld);
  });

  test(`a lock ${name} is waited for, until its holder is silent for half a minute`, async () => {
    writeFileSync(path, content());
    let waits = 0;
    const lock = await FileLock.wait(path, {
      onWait: () => {
        waits++;
        silence(waits === 1 ? 25 : 31);
      },
    });
    lock.release();
    assert.equal(waits, 2);
  });
}

test('a lock that another waiter has taken over since it was found stale stays', () => {
  writeFileSync(path, 'the new holder');
  removeStale(path, 'the stale holder');
  assert.equal(readFileSync(path, 'utf8'), 'the new holder');
  removeStale(path, 'the new holder');
  removeStale(path, 'the new holder');
  assert.deepEqual(readdirSync(folder), []);
});

test('who is waited for gives signs of life', async (context) => {
  context.mock.timers.enable({ apis: ['setInterval'] });
  using _lock = await FileLock.wait(path);
  silence(29);
  context.mock.timers.tick(5_000);
  assert.ok(Date.now() - statSync(path).mtimeMs < 29_000);
});

test('a holder whose lock is gone or taken over goes on, and leaves the new one alone', async (context) => {
  context.mock.timers.enable({ apis: ['setInterval'] });
  const lock = await FileLock.wait(path);
  rmSync(path);
  context.mock.timers.tick(5_000);
  writeFileSync(path, 'another');
  utimesSync(path, 1, 1);
  context.mock.timers.tick(5_000);
  lock.release();
  assert.equal(readFileSync(path, 'utf8'), 'another');
  assert.equal(statSync(path).mtimeMs, 1000);
});

test('a place that cannot be written is an error', async () => {
  const missing = join(folder, 'missing', 'lock');
  assert.throws(() => FileLock.acquire(missing), { code: 'ENOENT' });
  await assert.rejects(FileLock.wait(missing), { code: 'ENOENT' });
});
