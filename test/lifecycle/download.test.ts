import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, statSync, symlinkSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { loadCifar } from '#moco/data/cifar.js';
import type { CifarVariant } from '#moco/data/cifarVariant.js';
import { serve } from '../support/archiveHost.js';
import { failure } from '../support/failure.js';
import { sendFile } from '../support/httpServer.js';
import { executable } from '../support/moco.js';
import { archiveOf, SMALL10, SMALL100, writeCifar } from '../support/smallCifar.js';
import { temporaryFolder } from '../support/temporaryFolder.js';

const PROGRAM = fileURLToPath(import.meta.resolve('../support/loadingProcess.js'));

/** What a program prints that has loaded a small data set. */
const LOADED10 = '1400 and 30 pictures, 0 notices';
const LOADED100 = '50 and 20 pictures, 0 notices';

/** A variant, and a server with its archive, which sends half of it, and the rest when told to. */
async function archiveServer(t: TestContext, of: CifarVariant) {
  const source = temporaryFolder(t);
  await writeCifar(of, source);
  const { variant, archive } = await archiveOf(of, source);
  const half = Math.floor(archive.length / 2);
  const waiting: ServerResponse[] = [];
  let holdsBack = true;
  const server = await serve(t, (request, response) => {
    if (!holdsBack) return sendFile(archive, request, response);
    response.writeHead(200, { 'content-length': archive.length });
    response.write(archive.subarray(0, half));
    waiting.push(response);
  });
  return {
    ...{ variant, server, half },
    env: { [of.archive.urlVariable]: server.url },
    /** From now on, what is asked for is sent whole. */
    sendWhole() {
      holdsBack = false;
    },
    /** As `sendWhole`, and the rests of what is half sent. */
    sendRest() {
      holdsBack = false;
      for (const response of waiting) response.end(archive.subarray(half));
    },
  };
}

/** A program that runs, and the lines that it prints. */
class Program {
  readonly child: ChildProcess;
  readonly lines: string[] = [];
  readonly #seen = new Map<string, () => void>();
  readonly #ended: Promise<unknown[]>;

  constructor(words: readonly string[], env: NodeJS.ProcessEnv) {
    this.child = spawn(process.execPath, words, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#ended = once(this.child, 'close');
    for (const stream of [this.child.stdout, this.child.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on('line', (line) => {
        this.lines.push(line);
        for (const [beginning, resolve] of this.#seen) if (line.startsWith(beginning)) resolve();
      });
    }
  }

  /** Resolves when a line with that beginning has been printed. Fails where the program ends first. */
  async said(beginning: string): Promise<void> {
    if (this.lines.some((line) => line.startsWith(beginning))) return;
    const seen = new Promise<void>((resolve) => this.#seen.set(beginning, resolve));
    const ended = this.#ended.then(() => assert.fail(`it ended: ${this.lines.join('\n')}`));
    await Promise.race([seen, ended]);
  }

  /** The exit code, or the signal that ended it. */
  async end(): Promise<number | string> {
    const [code, signal] = (await this.#ended) as [number | null, string | null];
    return code ?? String(signal);
  }
}

/** Resolves when a file that grows has `bytes`. */
async function isOnDisk(path: string, bytes: number): Promise<void> {
  while (statSync(path, { throwIfNoEntry: false })?.size !== bytes) await pause(5);
}

function loading(dataRoot: string, variant: CifarVariant, env: NodeJS.ProcessEnv): Program {
  return new Program([PROGRAM, dataRoot, JSON.stringify(variant)], env);
}

test('of three processes that need a data set at once one downloads it, and all use it', async (t) => {
  const dataRoot = join(temporaryFolder(t), 'data');
  const { variant, server, env, sendRest } = await archiveServer(t, SMALL10);
  const first = loading(dataRoot, variant, env);
  await first.said('downloading');
  const others = [loading(dataRoot, variant, env), loading(dataRoot, variant, env)];
  for (const other of others) await other.said('waiting');
  sendRest();
  for (const program of [first, ...others]) {
    assert.equal(await program.end(), 0, program.lines.join('\n'));
    assert.equal(program.lines.at(-1), LOADED10);
  }
  assert.equal(server.asked.length, 1);
  assert.deepEqual(await readdir(dataRoot), [variant.folder]);
});

test('processes that start at the same moment do so, too', async (t) => {
  const dataRoot = join(temporaryFolder(t), 'data');
  const { variant, server, env, sendRest } = await archiveServer(t, SMALL10);
  sendRest();
  const programs = Array.from({ length: 4 }, () => loading(dataRoot, variant, env));
  for (const program of programs) {
    assert.equal(await program.end(), 0, program.lines.join('\n'));
    assert.equal(program.lines.at(-1), LOADED10);
  }
  assert.equal(server.asked.length, 1);
  assert.deepEqual(await readdir(dataRoot), [variant.folder]);
});

test('where the one that downloads is killed, the next one goes on where it stopped', async (t) => {
  const dataRoot = join(temporaryFolder(t), 'data');
  const { variant, server, half, env, sendWhole } = await archiveServer(t, SMALL10);
  const first = loading(dataRoot, variant, env);
  await isOnDisk(join(dataRoot, `${variant.archive.file}.part`), half);
  const second = loading(dataRoot, variant, env);
  await second.said('waiting');
  sendWhole();
  first.child.kill('SIGKILL');
  assert.equal(await first.end(), 'SIGKILL');
  assert.equal(await second.end(), 0, second.lines.join('\n'));
  assert.equal(second.lines.at(-1), LOADED10);
  assert.deepEqual(
    server.asked.map(({ range }) => range),
    [undefined, `bytes=${half}-`],
  );
  assert.deepEqual(await readdir(dataRoot), [variant.folder]);
});

test('one that waits is ended by Ctrl-C, and the one that downloads is not', async (t) => {
  const dataRoot = join(temporaryFolder(t), 'data');
  const { variant, env, sendRest } = await archiveServer(t, SMALL10);
  const first = loading(dataRoot, variant, env);
  await first.said('downloading');
  const out = temporaryFolder(t);
  const words = ['train', '--dataset', 'cifar10', '--data-root', dataRoot, '--out', out];
  const second = new Program([executable, ...words, '--device', 'cpu'], env);
  await second.said('waiting for another run, which fetches http');
  second.child.kill('SIGINT');
  assert.equal(await second.end(), 130, second.lines.join('\n'));
  assert.deepEqual(await readdir(out), []);
  sendRest();
  assert.equal(await first.end(), 0, first.lines.join('\n'));
  assert.equal(first.lines.at(-1), LOADED10);
});

test('two data sets are downloaded to one data root at once', async (t) => {
  const dataRoot = join(temporaryFolder(t), 'data');
  const [ten, hundred] = [await archiveServer(t, SMALL10), await archiveServer(t, SMALL100)];
  const programs = [
    loading(dataRoot, ten.variant, ten.env),
    loading(dataRoot, hundred.variant, hundred.env),
  ] as const;
  for (const program of programs) await program.said('downloading');
  ten.sendRest();
  hundred.sendRest();
  for (const program of programs) assert.equal(await program.end(), 0, program.lines.join('\n'));
  assert.deepEqual(
    programs.map(({ lines }) => lines),
    [
      ['downloading', LOADED10],
      ['downloading', LOADED100],
    ],
  );
  assert.deepEqual((await readdir(dataRoot)).sort(), [SMALL10.folder, SMALL100.folder].sort());
});

test('two data roots that are one folder by a link are one', async (t) => {
  const folder = temporaryFolder(t);
  const [dataRoot, linked] = [join(folder, 'data'), join(folder, 'linked')];
  mkdirSync(dataRoot);
  symlinkSync(dataRoot, linked);
  const { variant, server, env, sendRest } = await archiveServer(t, SMALL10);
  const first = loading(dataRoot, variant, env);
  await first.said('downloading');
  const second = loading(linked, variant, env);
  await second.said('waiting');
  sendRest();
  for (const program of [first, second]) {
    assert.equal(await program.end(), 0, program.lines.join('\n'));
    assert.equal(program.lines.at(-1), LOADED10);
  }
  assert.equal(server.asked.length, 1);
});

test('a worker thread waits for the main thread, and takes over where that one gives up', async (t) => {
  const dataRoot = join(temporaryFolder(t), 'data');
  const { variant, server, half, env, sendWhole } = await archiveServer(t, SMALL10);
  process.env.MOCO_CIFAR10_URL = env.MOCO_CIFAR10_URL;
  t.after(() => delete process.env.MOCO_CIFAR10_URL);
  const controller = new AbortController();
  const request = { dataset: variant.name, dataRoot, seed: 0 };
  const main = failure(
    loadCifar(variant, request, { signal: controller.signal }),
    'ERR_MOCO_ABORTED',
  );
  await isOnDisk(join(dataRoot, `${variant.archive.file}.part`), half);
  const worker = new Worker(PROGRAM, {
    argv: [dataRoot, JSON.stringify(variant)],
    stdout: true,
  });
  const lines = createInterface({ input: worker.stdout })[Symbol.asyncIterator]();
  assert.equal((await lines.next()).value, 'waiting');
  sendWhole();
  controller.abort();
  await main;
  assert.equal((await lines.next()).value, 'downloading');
  assert.equal((await lines.next()).value, LOADED10);
  assert.equal(server.asked[1]?.range, `bytes=${half}-`);
  await once(worker, 'exit');
  assert.deepEqual(await readdir(dataRoot), [variant.folder]);
});
