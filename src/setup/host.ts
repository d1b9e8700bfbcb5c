import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The machine and environment that a set-up runs on. */
export interface Host {
  readonly env: NodeJS.ProcessEnv;
  readonly platform: string;
  readonly arch: string;
  /** A driver for NVIDIA GPUs is installed, so a CUDA build of LibTorch is worth its size. */
  readonly nvidiaDriver: boolean;
  /** Ends the set-up, and the programs that it has started. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The machine and environment of this process.
 * @param signal ends what is done on it
 */
export function thisHost(signal?: AbortSignal): Host {
  const { env, platform, arch } = process;
  return { env, platform, arch, nvidiaDriver: hasNvidiaDriver(env), signal };
}

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
  try {
    return (
      existsSync('/proc/driver/nvidia/version') ||
      // WSL has no such entry in /proc, because the driver is that of Windows.
      existsSync('/usr/lib/wsl/lib/libcuda.so.1') ||
      findCommand('nvidia-smi', env) !== undefined
    );
  } catch (error) {
    // Under Node's permission model, what may not be read cannot be used either.
    if ((error as NodeJS.ErrnoException).code === 'ERR_ACCESS_DENIED') return false;
    throw error;
  }
}
