import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { FileLock, LockAttempts, type LockHeld } from '#moco/disk/lock.js';
import { startByPs, thisHolder } from '#moco/disk/lockHolder.js';
import { deadProcess } from '../../support/deadProcess.js';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'moco-lock-'));
  path = join(folder, 'lock');
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Takes a lock at the first look. */
function take(attempts = new LockAttempts(path)): FileLock {
  const outcome = attempts.next();
  assert.ok(outcome instanceof FileLock, 'somebody holds the lock');
  return outcome;
}

function held(outcome: FileLock | LockHeld): LockHeld {
  assert.ok(!(outcome instanceof FileLock), 'the lock was taken');
  return outcome;
}

/** Leaves a lock as a holder with other properties than this process would leave it. */
function leave(properties: object): void {
  writeFileSync(path, JSON.stringify({ ...thisHolder(), ...properties }));
}

/** As a holder of another machine: its file's time changes. */
function giveSign(): void {
  const { mtimeMs } = statSync(path);
  utimesSync(path, (mtimeMs + 5000) / 1000, (mtimeMs + 5000) / 1000);
}

const module = JSON.stringify(import.meta.resolve('#moco/disk/lock.js'));

/** A program that takes the lock, says so, and does what `then` says. */
function programText(then: string): string {
  return (
    `const { FileLock } = await import(${module});` +
    `const lock = await FileLock.wait(${JSON.stringify(path)}); ${then}`
  );
}

function program(then: string, prefix: readonly string[] = []): ChildProcess {
  const words = ['--input-type=module', '--eval', programText(`console.log('held'); ${then}`)];
  const [command, ...rest] = [...prefix, process.execPath, ...words];
  return spawn(command as string, rest, { stdio: ['ignore', 'pipe', 'ignore'] });
}

const GO_ON = 'await new Promise(() => setTimeout(() => {}, 1e9));';

async function started(child: ChildProcess): Promise<ChildProcess> {
  await Promise.race([once(child.stdout as NodeJS.ReadableStream, 'data'), once(child, 'close')]);
  assert.equal(child.exitCode, null);
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'close');
}

test('a lock says who holds it, and leaves nothing when it is released', () => {
  const lock = take();
  const { holder, isAlive } = held(new LockAttempts(path).next());
  assert.deepEqual([isAlive, holder?.pid, holder?.host], [true, process.pid, hostname()]);
  assert.ok(lock.isHeld);
  lock.release();
  lock.release();
  assert.ok(!lock.isHeld);
  assert.deepEqual(readdirSync(folder), []);
  take().release();
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
  using _lock = take();
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

test('what a killed process held is taken over, whatever its host was called', async () => {
  const child = await started(program(GO_ON));
  assert.equal(held(new LockAttempts(path).next()).isAlive, true);
  await kill(child);
  leave({ ...JSON.parse(readFileSync(path, 'utf8')), host: 'elsewhere' });
  take().release();
});

test('a process that was stopped is not robbed', async () => {
  const child = await started(program(GO_ON));
  child.kill('SIGSTOP');
  const attempts = new LockAttempts(path);
  for (let looks = 0; looks < 500; looks++) assert.equal(held(attempts.next()).isAlive, true);
  await kill(child);
});

test('a process whose event loop is busy is not robbed', async () => {
  const child = await started(program('for (;;);'));
  const attempts = new LockAttempts(path);
  for (let looks = 0; looks < 500; looks++) assert.equal(held(attempts.next()).isAlive, true);
  await kill(child);
});

for (const [how, then] of [
  ['calls process.exit()', 'process.exit(0);'],
  ['throws', 'setTimeout(() => { throw new Error(); });'],
] as const) {
  test(`a process that ${how} releases what it held`, async () => {
    const ended = program(then);
    ended.stdout?.resume();
    await once(ended, 'close');
    assert.deepEqual(readdirSync(folder), []);
  });
}

const inLinux = { skip: process.platform === 'linux' ? false : 'only /proc tells this' };

test('a worker that is terminated leaves a lock that its own process takes', inLinux, async () => {
  const then = "(await import('node:worker_threads')).parentPort.postMessage('held'); for (;;);";
  const worker = new Worker(`(async () => { ${programText(then)} })()`, { eval: true });
  await once(worker, 'message');
  assert.equal(held(new LockAttempts(path).next()).isAlive, true);
  await worker.terminate();
  take().release();
});

test('the lock of a process whose number another one has now is taken over', () => {
  for (const holder of [
    { pid: deadProcess() },
    { processStart: '1' },
    { pid: process.ppid, processStart: '1' },
  ]) {
    leave(holder);
    take().release();
  }
});

test('a lock that was copied along with its folder is nobody’s', inLinux, () => {
  const first = take();
  path = join(folder, 'copy');
  copyFileSync(join(folder, 'lock'), path);
  take().release();
  assert.ok(first.isHeld);
  first.release();
});

test('a lock whose folder was moved is still held', () => {
  const first = take();
  renameSync(path, join(folder, 'moved'));
  assert.equal(held(new LockAttempts(join(folder, 'moved')).next()).isAlive, true);
  assert.ok(!first.isHeld);
  first.release();
});

const unknown = [
  ['of another machine', { place: 'another kernel', host: 'elsewhere' }],
  ['of another container', { place: `${thisHolder().place} nested`, pid: 2 }],
  ['of a system that does not tell', { place: undefined }],
  ['that is not whole', { pid: undefined }],
  ['of an earlier version', { place: undefined, processStart: undefined, id: undefined }],
] as const;

for (const [name, properties] of unknown) {
  test(`a lock ${name} is taken over after a minute without a sign of life`, () => {
    leave(properties);
    const attempts = new LockAttempts(path);
    for (let looks = 0; looks < 240; looks++) assert.equal(held(attempts.next()).isAlive, false);
    take(attempts).release();
    assert.deepEqual(readdirSync(folder), []);
  });

  test(`a lock ${name} is held by one who lives where there is a sign of life`, () => {
    leave(properties);
    const attempts = new LockAttempts(path);
    for (let looks = 0; looks < 239; looks++) attempts.next();
    giveSign();
    assert.equal(held(attempts.next()).isAlive, true);
    for (let looks = 0; looks < 239; looks++) held(attempts.next());
    take(attempts).release();
  });
}

const IN_NAMESPACE = ['unshare', '--map-root-user', '--uts', '--pid', '--fork', '--kill-child'];
const canUnshare = spawnSync('unshare', [...IN_NAMESPACE.slice(1), 'true']).status === 0;
const inNamespace = { skip: canUnshare ? false : 'this system lets nobody make a namespace' };

test(
  'a process in another namespace is not robbed, and what it leaves is taken over',
  inNamespace,
  async () => {
    const child = await started(program(GO_ON, IN_NAMESPACE));
    const attempts = new LockAttempts(path);
    while (!held(attempts.next()).isAlive) await sleep(250);
    await kill(child);
    const later = new LockAttempts(path);
    for (let looks = 0; looks < 240; looks++) assert.equal(held(later.next()).isAlive, false);
    take(later).release();
  },
);

test('a lock that changes hands gives each holder a minute', () => {
  const attempts = new LockAttempts(path);
  for (const host of ['first', 'second']) {
    leave({ place: host, host });
    for (let looks = 0; looks < 239; looks++) {
      assert.equal(held(attempts.next()).holder?.host, host);
    }
  }
});

test('of many who find the same dead lock one gets it', async () => {
  const contenders = Array.from({ length: 8 }, () => {
    const script = `
      const { LockAttempts, FileLock } = await import(${module});
      process.stdin.on('data', (path) => {
        const outcome = new LockAttempts(String(path)).next();
        console.log(outcome instanceof FileLock ? 'won' : 'lost');
      });
      console.log('ready');
    `;
    const words = ['--input-type=module', '--eval', script];
    return spawn(process.execPath, words, { stdio: ['pipe', 'pipe', 'inherit'] });
  });
  const answers = async () =>
    (await Promise.all(contenders.map(({ stdout }) => once(stdout, 'data')))).map(([text]) =>
      String(text).trim(),
    );
  await answers();
  for (let round = 0; round < 40; round++) {
    path = join(folder, `${round}`);
    leave(round % 2 > 0 ? { pid: deadProcess() } : { processStart: '1' });
    for (const { stdin } of contenders) stdin.write(path);
    const winners = (await answers()).filter((answer) => answer === 'won');
    assert.equal(winners.length, 1);
    assert.ok(readdirSync(folder).every((name) => /^\d+$/.test(name)));
  }
  await Promise.all(contenders.map(kill));
});

test('one who ended while it took a dead lock over does not keep it from others', () => {
  leave({ pid: deadProcess() });
  const name = createHash('sha256').update(readFileSync(path)).digest('hex').slice(0, 16);
  const claim = `${path}.${name}`;
  writeFileSync(claim, JSON.stringify(thisHolder()));
  take().release();
  assert.deepEqual(readdirSync(folder), []);
});

test('one who takes a dead lock over is waited for', () => {
  leave({ pid: deadProcess() });
  const name = createHash('sha256').update(readFileSync(path)).digest('hex').slice(0, 16);
  const claim = take(new LockAttempts(`${path}.${name}`));
  const attempts = new LockAttempts(path);
  assert.equal(held(attempts.next()).isAlive, false);
  claim.release();
  take(attempts).release();
});

test('who holds a lock gives signs of life', (context) => {
  context.mock.timers.enable({ apis: ['setInterval'] });
  using _lock = take();
  utimesSync(path, 1, 1);
  context.mock.timers.tick(5_000);
  assert.ok(statSync(path).mtimeMs > 1000);
});

test('a holder whose lock was taken over knows it, and leaves the new one alone', (context) => {
  context.mock.timers.enable({ apis: ['setInterval'] });
  const lock = take();
  rmSync(path);
  assert.ok(!lock.isHeld);
  writeFileSync(path, 'another');
  utimesSync(path, 1, 1);
  context.mock.timers.tick(5_000);
  assert.ok(!lock.isHeld);
  lock.release();
  assert.equal(readFileSync(path, 'utf8'), 'another');
  assert.equal(statSync(path).mtimeMs, 1000);
});

test('a place that cannot be written is an error', async () => {
  const missing = join(folder, 'missing', 'lock');
  assert.throws(() => new LockAttempts(missing).next(), { code: 'ENOENT' });
  await assert.rejects(FileLock.wait(missing), { code: 'ENOENT' });
});

test('where there is no /proc, ps tells when a process started', () => {
  assert.match(startByPs(process.pid) ?? '', /^\w{3} \w{3} +\d+ \d\d:\d\d:\d\d \d{4}$/);
  assert.equal(startByPs(process.pid), startByPs(process.pid));
  assert.equal(startByPs(deadProcess()), undefined);
});
