import { existsSync, lstatSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder } from '../native/cacheFolder.js';
import { readSetUp, SET_UP, setUpFile } from '../native/setUpRecord.js';
import { packageRoot } from '../packageRoot.js';
import { ADDON_ENTRY } from './addonCache.js';
import { isAbandoned, PARTIAL } from './cacheEntry.js';
import { type Host, thisHost } from './host.js';
import { findCached, LIBTORCH_ENTRY } from './libtorchCache.js';
import { setUpLock } from './setUpLock.js';

/** One file or folder of the cache. */
export interface CacheEntry {
  readonly path: string;
  /** `leftover`: what is being made, or was left by a set-up that was killed. */
  readonly kind: 'LibTorch' | 'addon' | 'record' | 'leftover' | 'other';
  readonly bytes: number;
  /** Whether this version of moco needs it, or somebody may just be making it. */
  readonly isUsed: boolean;
}

const KINDS: readonly [beginning: string, kind: CacheEntry['kind']][] = [
  [LIBTORCH_ENTRY, 'LibTorch'],
  [ADDON_ENTRY, 'addon'],
  [SET_UP, 'record'],
  [PARTIAL, 'leftover'],
];

/** What set-ups have put into the cache, of this version of moco and of others. */
export function cachedSetups(): CacheEntry[] {
  return contentsOf(thisHost());
}

/**
 * Removes from the cache what set-ups have put there and this version of moco does not need; other
 * versions will fetch or build theirs again.
 * @returns what was removed
 * @throws MocoError `ERR_MOCO_OUTPUT` where the cache cannot be written
 */
export async function pruneSetups(): Promise<CacheEntry[]> {
  const host = thisHost();
  using _lock = await setUpLock(host, () => {});
  const unused = contentsOf(host).filter(({ isUsed, kind }) => !isUsed && kind !== 'other');
  for (const { path } of unused) await rm(path, { recursive: true, force: true });
  return unused;
}

function contentsOf(host: Host): CacheEntry[] {
  const folder = cacheFolder(host);
  if (!existsSync(folder)) return [];
  const used = usedPaths(host);
  return readdirSync(folder)
    .filter((name) => !name.endsWith('.lock'))
    .map((name) => {
      const path = join(folder, name);
      const kind = KINDS.find(([beginning]) => name.startsWith(beginning))?.[1] ?? 'other';
      const isUsed =
        kind === 'leftover'
          ? !isAbandoned(path)
          : used.some((inside) => inside === path || inside.startsWith(`${path}/`));
      return { path, kind, bytes: bytesOf(path), isUsed };
    });
}

/** What this version was set up with, and what it would take where it is set up again. */
function usedPaths(host: Host): string[] {
  const setUp = readSetUp(packageRoot, host);
  const cached = findCached(host, { line: () => {}, progress: () => {} });
  const paths = [setUpFile(packageRoot, host), setUp?.addon, setUp?.libtorch.prefix];
  return [...paths, cached?.prefix].filter((path) => path !== undefined);
}

function bytesOf(path: string): number {
  const found = lstatSync(path, { throwIfNoEntry: false }); // it may just have been moved into place
  if (!found?.isDirectory()) return found?.size ?? 0;
  return readdirSync(path).reduce((sum, name) => sum + bytesOf(join(path, name)), 0);
}
