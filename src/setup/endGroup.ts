import type { ChildProcess } from 'node:child_process';

/**
 * Ends a program and all that it has started, once a signal is given.
 * @param child started with `detached`, so that it leads a group of processes
 * @returns what takes that back, for when the program has ended by itself
 */
export function endGroup(child: ChildProcess, signal: AbortSignal | undefined): Disposable {
  const end = () => {
    if (child.pid === undefined || child.exitCode !== null) return;
    try {
      process.kill(-child.pid, 'SIGTERM');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // it has just ended
    }
  };
  if (signal?.aborted) end();
  signal?.addEventListener('abort', end);
  return { [Symbol.dispose]: () => signal?.removeEventListener('abort', end) };
}
