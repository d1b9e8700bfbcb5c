import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { MocoError } from '../error.js';

/** What decides where the cache is. */
export interface CacheHost {
  readonly env: NodeJS.ProcessEnv;
  readonly platform: string;
}

/** What to do where the disk of `cacheFolder` has too little room. */
export const CACHE_SPACE_HINT = 'Free some space, or set MOCO_CACHE to a folder on another disk.';

/**
 * The folder for what is downloaded or built once: `$MOCO_CACHE`, or the platform's own place for
 * caches.
 * @throws MocoError `ERR_MOCO_OUTPUT` for a user without a home folder
 */
export function cacheFolder({ env, platform }: CacheHost): string {
  if (env.MOCO_CACHE) return resolve(env.MOCO_CACHE);
  if (env.XDG_CACHE_HOME) return join(resolve(env.XDG_CACHE_HOME), 'moco');
  const home = resolve(env.HOME || homeOfUser());
  return platform === 'darwin' ? join(home, 'Library/Caches/moco') : join(home, '.cache/moco');
}

function homeOfUser(): string {
  try {
    const home = homedir();
    if (home !== '') return home;
  } catch {
    // A user whom the system does not know, as in a container that was given a number for one.
  }
  throw new MocoError('ERR_MOCO_OUTPUT', 'There is no place for a cache: this user has no home.', {
    hint: 'Set MOCO_CACHE to a folder for what moco downloads and builds.',
  });
}
