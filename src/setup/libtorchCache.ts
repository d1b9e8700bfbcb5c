import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { FileLock } from '../disk/lock.js';
import { MocoError } from '../error.js';
import { cacheFolder } from '../native/cacheFolder.js';
import {
  describe,
  type Inspection,
  inspectPrefix,
  type LibtorchPrefix,
} from '../native/libtorchPrefix.js';
import { fillEntry, openCache, PARTIAL } from './cacheEntry.js';
import type { Host } from './host.js';
import { archiveFor, type LibtorchArchive, PINNED_VERSION } from './libtorchArchive.js';
import type { Report } from './report.js';

/**
 * The folder of each LibTorch in the cache is laid out like Python's site-packages: `torch/` with
 * `include/` and `lib/`, and beside it `nvidia/`, where the CUDA libraries look for NVIDIA's.
 */
const PREFIX = 'torch';

/** What names of LibTorch's folders in the cache begin with. */
export const LIBTORCH_ENTRY = 'libtorch-';

/** The cache's folder for the pinned version from the Python package, for CPU or CUDA. */
export function wheelEntry(host: Host, build: 'cpu' | 'cuda'): string {
  return join(
    cacheFolder(host),
    `${LIBTORCH_ENTRY}${PINNED_VERSION}-${host.platform}-${host.arch}-${build}`,
  );
}

/** The cache's folder for an archive: by content, so that all mirrors of it share one. */
export function archiveEntry(host: Host, { url, sha256 }: LibtorchArchive): string {
  const key = sha256 ?? createHash('sha256').update(url).digest('hex');
  return join(cacheFolder(host), `${LIBTORCH_ENTRY}${key.slice(0, 16)}`);
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
 * Makes an entry of the cache that holds LibTorch, as `fillEntry` does.
 * @throws MocoError `ERR_MOCO_LIBTORCH_MISMATCH` where `fill` brought something else
 */
export async function fillLibtorch(
  entry: string,
  host: Host,
  fill: (contents: string, temporary: string) => Promise<void>,
): Promise<LibtorchPrefix> {
  await fillEntry(entry, host, {
    fill,
    problem: (folder) => inspectEntry(folder, host).problem,
    unusable,
  });
  const { libtorch, problem } = inspectEntry(entry, host);
  if (!libtorch) throw unusable(entry, problem);
  return libtorch;
}

/**
 * As `fillLibtorch`, by one process at a time: the others wait, and use what it made. For a `fill` that
 * keeps something in the cache from one set-up to the next.
 */
export async function fillLibtorchAlone(
  entry: string,
  host: Host,
  report: Report,
  fill: (contents: string) => Promise<void>,
): Promise<LibtorchPrefix> {
  await openCache(host);
  using _lock = await FileLock.wait(`${partialEntry(entry)}.lock`, {
    signal: host.signal,
    onWait: (before) => {
      if (before === 0) report.line('LibTorch: waiting for another set-up to fetch it');
    },
  });
  return inspectEntry(entry, host).libtorch ?? (await fillLibtorch(entry, host, fill));
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

function unusable(entry: string, problem: string | undefined): MocoError {
  return new MocoError(
    'ERR_MOCO_LIBTORCH_MISMATCH',
    `What was downloaded for ${entry} is not a LibTorch to build against: ${problem}.`,
    { hint: 'If you chose the archive (MOCO_LIBTORCH_URL), choose one for this machine.' },
  );
}
