import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';

/** The machine and environment that a set-up runs on. */
export interface Host {
  readonly env: NodeJS.ProcessEnv;
  readonly platform: string;
  readonly arch: string;
  /** A driver for NVIDIA GPUs is installed, so a CUDA build of LibTorch is worth its size. */
  readonly nvidiaDriver: boolean;
}

/** The machine and environment of this process. */
export function thisHost(): Host {
  const { env, platform, arch } = process;
  return { env, platform, arch, nvidiaDriver: hasNvidiaDriver(env) };
}

/** The folder for what is downloaded once: `$MOCO_CACHE`, or the platform's own place for caches. */
export function cacheFolder({ env, platform }: Host): string {
  if (env.MOCO_CACHE) return resolve(env.MOCO_CACHE);
  if (env.XDG_CACHE_HOME) return join(resolve(env.XDG_CACHE_HOME), 'moco');
  const home = env.HOME ?? homedir();
  return platform === 'darwin' ? join(home, 'Library/Caches/moco') : join(home, '.cache/moco');
}

/** What to do where the disk of `cacheFolder` has too little room. */
export const CACHE_SPACE_HINT = 'Free some space, or set MOCO_CACHE to a folder on another disk.';

/** The file that a command name stands for, or undefined where `PATH` has none. */
export function findCommand(name: string, env: NodeJS.ProcessEnv): string | undefined {
  if (name.includes('/')) return existsSync(name) ? name : undefined;
  return (env.PATH ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name))
    .find((file) => existsSync(file));
}

function hasNvidiaDriver(env: NodeJS.ProcessEnv): boolean {
  return (
    existsSync('/proc/driver/nvidia/version') ||
    // WSL has no such entry in /proc, because the driver is that of Windows.
    existsSync('/usr/lib/wsl/lib/libcuda.so.1') ||
    findCommand('nvidia-smi', env) !== undefined
  );
}
