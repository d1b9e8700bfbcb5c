import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { throwIfAborted } from '../abort.js';
import { FileLock } from '../disk/lock.js';
import { isClone, packageRoot } from '../packageRoot.js';
import { openCache } from './cacheEntry.js';
import type { Host } from './host.js';

/**
 * Waits until nobody else sets up: this clone, or what is in this cache.
 * @param onWait called once, where somebody does, with the lock's file
 * @throws MocoError `ERR_MOCO_OUTPUT` where the cache cannot be written, `ERR_MOCO_ABORTED` after
 *   the signal
 */
export async function setUpLock(host: Host, onWait: (file: string) => void): Promise<Disposable> {
  const { signal } = host;
  const file = await lockFile(host);
  try {
    return await FileLock.wait(file, {
      signal,
      onWait: (before) => {
        if (before === 0) onWait(file);
      },
    });
  } catch (error) {
    throwIfAborted(signal, 'the set-up');
    throw error;
  }
}

async function lockFile(host: Host): Promise<string> {
  if (!isClone(packageRoot)) return join(await openCache(host), 'set-up.lock');
  mkdirSync(join(packageRoot, 'build'), { recursive: true });
  return join(packageRoot, 'build/setup.lock');
}
