import { createHash } from 'node:crypto';
import { existsSync, rmSync, statSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { FileLock } from '../disk/lock.js';
import { MocoError } from '../error.js';
import {
  describe,
  type Inspection,
  inspectPrefix,
  type LibtorchPrefix,
} from '../native/libtorchPrefix.js';
import { cacheFolder, type Host } from './host.js';
import { archiveFor, type LibtorchArchive, PINNED_VERSION } from './libtorchArchive.js';
import type { Report } from './report.js';

/**
 * The folder of each LibTorch in the cache is laid out like Python's site-packages: `torch/` with
 * `include/` and `lib/`, and beside it `nvidia/`, where the CUDA libraries look for NVIDIA's.
 */
const PREFIX = 'torch';

/** What is being made, and what was left so. */
const PARTIAL = 'partial-';

const ABANDONED_AFTER_MS = 24 * 3600 * 1000;

/** The cache's folder for the pinned version from the Python package, for CPU or CUDA. */
export function wheelEntry(host: Host, build: 'cpu' | 'cuda'): string {
  return join(
    cacheFolder(host),
    `libtorch-${PINNED_VERSION}-${host.platform}-${host.arch}-${build}`,
  );
}

/** The cache's folder for an archive: by content, so that all mirrors of it share one. */
export function archiveEntry(host: Host, { url, sha256 }: LibtorchArchive): string {
  const key = sha256 ?? createHash('sha256').update(url).digest('hex');
  return join(cacheFolder(host), `libtorch-${key.slice(0, 16)}`);
}

/**
 * Where an archive lies until it is unpacked, and the part of it that an interrupted set-up leaves
 * to the next one.
 */
export function archiveDownload(host: Host, archive: LibtorchArchive): string {
  return `${partialEntry(archiveEntry(host, archive))}.zip`;
}

/** The LibTorch in the cache that suits the machine best, or undefined where it holds none. */
export function findCached(host: Host, report: Report): LibtorchPrefix | undefined {
  for (const entry of candidates(host)) {
    if (!existsSync(entry)) continue;
    const { libtorch, problem } = inspectEntry(entry, host);
    if (problem) report.line(`LibTorch: passed over ${entry}: ${problem}`);
    if (libtorch && host.nvidiaDriver && !libtorch.cuda) {
      report.line(
        `LibTorch: this machine has an NVIDIA driver, but the cache holds ${describe(libtorch)}; ` +
          `delete ${entry} to try for a CUDA build again`,
      );
    }
    if (libtorch) return libtorch;
  }
  return undefined;
}

/**
 * Makes one entry of the cache. `fill` gets an empty folder for the contents and one for temporary
 * files; the contents are moved into place whole, so an interrupted set-up leaves no half entry,
 * and of two that run at once one wins.
 */
export async function fillEntry(
  entry: string,
  host: Host,
  fill: (contents: string, temporary: string) => Promise<void>,
): Promise<LibtorchPrefix> {
  const cache = cacheFolder(host);
  await mkdir(cache, { recursive: true });
  await removeAbandoned(cache);
  const workspace = await mkdtemp(join(cache, PARTIAL));
  // Retried, since an interrupted pip may still be writing.
  const removeWorkspace = () => rmSync(workspace, { recursive: true, force: true, maxRetries: 5 });
  const stopWatching = onInterrupt(removeWorkspace);
  try {
    const [contents, temporary] = [join(workspace, 'contents'), join(workspace, 'temporary')];
    await Promise.all([mkdir(contents), mkdir(temporary)]);
    await fill(contents, temporary);
    const { problem } = inspectEntry(contents, host);
    if (problem) throw unusable(entry, problem);
    await moveIntoPlace(contents, entry, workspace, host);
  } finally {
    stopWatching();
    removeWorkspace();
  }
  const { libtorch, problem } = inspectEntry(entry, host);
  if (!libtorch) throw unusable(entry, problem);
  return libtorch;
}

/**
 * As `fillEntry`, by one process at a time: the others wait, and use what it made. For a `fill` that
 * keeps something in the cache from one set-up to the next.
 */
export async function fillEntryAlone(
  entry: string,
  host: Host,
  report: Report,
  fill: (contents: string) => Promise<void>,
): Promise<LibtorchPrefix> {
  await mkdir(cacheFolder(host), { recursive: true });
  using _lock = await FileLock.wait(`${partialEntry(entry)}.lock`, {
    onWait: (before) => {
      if (before === 0) report.line('LibTorch: waiting for another set-up to fetch it');
    },
  });
  return inspectEntry(entry, host).libtorch ?? (await fillEntry(entry, host, fill));
}

/** The beginning of the names of what is needed until an entry is made. */
function partialEntry(entry: string): string {
  return join(dirname(entry), `${PARTIAL}${basename(entry)}`);
}

function candidates(host: Host): string[] {
  const archive = archiveFor(host);
  const ofArchive = archive ? [archiveEntry(host, archive)] : [];
  if (host.env.MOCO_LIBTORCH_URL) return ofArchive;
  const [cpu, cuda] = [wheelEntry(host, 'cpu'), wheelEntry(host, 'cuda')];
  return host.nvidiaDriver ? [cuda, cpu, ...ofArchive] : [cpu, ...ofArchive, cuda];
}

function inspectEntry(entry: string, host: Host): Inspection {
  return inspectPrefix(join(entry, PREFIX), host);
}

async function moveIntoPlace(contents: string, entry: string, workspace: string, host: Host) {
  const isThere = () => inspectEntry(entry, host).libtorch !== undefined;
  if (existsSync(entry) && !isThere()) await rename(entry, join(workspace, 'damaged'));
  try {
    await rename(contents, entry);
  } catch (error) {
    // Another set-up may have been faster.
    if (!isThere()) throw error;
  }
}

/** Workspaces of set-ups that were killed, and downloads that nobody went on with. */
async function removeAbandoned(cache: string): Promise<void> {
  for (const name of await readdir(cache)) {
    const folder = join(cache, name);
    if (!name.startsWith(PARTIAL)) continue;
    const found = statSync(folder, { throwIfNoEntry: false }); // another set-up may just remove it
    const age = found === undefined ? 0 : Date.now() - found.mtimeMs;
    if (age > ABANDONED_AFTER_MS) await rm(folder, { recursive: true, force: true });
  }
}

/** Runs `cleanUp` before Ctrl-C or `kill` ends the process; returns what takes that back. */
function onInterrupt(cleanUp: () => void): () => void {
  const signals = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
  const listeners = Object.entries(signals).map(([signal, exitCode]) => {
    const listener = () => {
      cleanUp();
      process.exit(exitCode);
    };
    process.on(signal, listener);
    return () => process.off(signal, listener);
  });
  return () => {
    for (const remove of listeners) remove();
  };
}

function unusable(entry: string, problem: string | undefined): MocoError {
  return new MocoError(
    'ERR_MOCO_LIBTORCH_MISMATCH',
    `What was downloaded for ${entry} is not a LibTorch to build against: ${problem}.`,
    { hint: 'If you chose the archive (MOCO_LIBTORCH_URL), choose one for this machine.' },
  );
}
