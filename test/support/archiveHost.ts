import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { Host } from '#moco/setup/host.js';
import { bareHost, libtorchFiles, writePython, writeZip } from './fakeHost.js';
import { serve as startServer } from './httpServer.js';
import { temporaryFolder } from './temporaryFolder.js';

/** A server until the end of the test. */
export async function serve(t: TestContext, handler: Parameters<typeof startServer>[0]) {
  const server = await startServer(handler);
  t.after(() => server[Symbol.asyncDispose]());
  return server;
}

export function sha256(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

/** A host with an archive as `download.pytorch.org` has them, and Python to unpack it. */
export function hostWithArchive(t: TestContext): { host: Host; archive: string; folder: string } {
  const folder = temporaryFolder(t);
  const archive = writeZip(join(folder, 'libtorch.zip'), 'libtorch', {
    ...libtorchFiles('2.13.0'),
    'bin/tool': 'not needed',
  });
  const host = bareHost(folder);
  writePython(host, {});
  return { host, archive, folder };
}

/** The names in the host's cache. */
export function cacheContents(host: Host): string[] {
  const cache = host.env.MOCO_CACHE ?? '';
  return existsSync(cache) ? readdirSync(cache) : [];
}

/** What a set-up that was interrupted leaves to the next one. */
export const PART = /^partial-libtorch-[0-9a-f]{16}\.zip\.part$/;

/** Whether a part of the archive is on the disk. */
export function partIsThere(host: Host): boolean {
  const part = cacheContents(host).find((name) => PART.test(name));
  return part !== undefined && statSync(join(host.env.MOCO_CACHE ?? '', part)).size > 0;
}

/** A set-up in a process of its own, which gets Ctrl-C as soon as `isTime`. */
export async function interruptedSetUp(host: Host, isTime: () => boolean): Promise<number> {
  const module = import.meta.resolve('#moco/setup/libtorch.js');
  const script =
    `import { findLibtorch } from ${JSON.stringify(module)};` +
    `const report = { line() {}, progress() {} };` +
    `const controller = new AbortController();` +
    `process.once('SIGINT', () => controller.abort());` +
    `const host = { ...${JSON.stringify(host)}, signal: controller.signal };` +
    `await findLibtorch(host, report).catch(({ code }) => {` +
    `  process.exit(code === 'ERR_MOCO_ABORTED' ? 130 : 1);` +
    `});`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: 'inherit',
  });
  const closed = once(child, 'close');
  while (!isTime() && child.exitCode === null) await pause(5);
  child.kill('SIGINT');
  const [exitCode] = await closed;
  return exitCode;
}
