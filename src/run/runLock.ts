import { FileLock, LockHeld } from '../disk/lock.js';
import { outputError } from '../disk/outputError.js';
import { MocoError } from '../error.js';

/**
 * Keeps two runs from writing the same files: `<run>.running.json` is there as long as a
 * run goes on, and says who runs it.
 */
export class RunLock {
  readonly #path: string;
  readonly #lock: FileLock;

  private constructor(path: string, lock: FileLock) {
    this.#path = path;
    this.#lock = lock;
  }

  /**
   * Takes over what a process of this machine left that has ended since.
   * @param run path that the run's files have in common; its folder must be there
   * @throws MocoError `ERR_MOCO_OUTPUT` where another run writes there, or may do so
   */
  static async acquire(run: string): Promise<RunLock> {
    const path = `${run}.running.json`;
    try {
      return new RunLock(path, FileLock.acquire(path));
    } catch (cause) {
      throw cause instanceof LockHeld ? inUse(run, cause) : outputError(path, cause);
    }
  }

  /**
   * Lets other runs write there. Can be called more than once. @throws MocoError `ERR_MOCO_OUTPUT`
   */
  async release(): Promise<void> {
    try {
      this.#lock.release();
    } catch (cause) {
      throw outputError(this.#path, cause);
    }
  }
}

function inUse(run: string, { path, holder }: LockHeld): MocoError {
  const who =
    holder === undefined
      ? 'another run'
      : `process ${holder.pid} on ${holder.host} (since ${holder.started})`;
  return new MocoError('ERR_MOCO_OUTPUT', `cannot write ${run}: ${who} writes the same files`, {
    hint: `Choose another folder with --out. If that run is gone, remove ${path}.`,
  });
}
