import { setTimeout as sleep } from 'node:timers/promises';
import { throwIfAborted } from '../abort.js';
import { type FileLock, LockAttempts, type LockHeld, POLL_MS } from '../disk/lock.js';
import { outputError } from '../disk/outputError.js';
import { MocoError } from '../error.js';
import type { WarningEvent } from './events.js';

/**
 * Keeps two runs from writing the same files: `<run>.running.json` is there as long as a
 * run goes on, and says who runs it.
 */
export class RunLock {
  readonly #run: string;
  readonly #path: string;
  readonly #lock: FileLock;

  private constructor(run: string, path: string, lock: FileLock) {
    this.#run = run;
    this.#path = path;
    this.#lock = lock;
  }

  /**
   * Takes over what a run left that has ended since. Where only time can tell whether it has, on
   * another machine or in another container, that is waited for, and said before.
   * @param run path that the run's files have in common; its folder must be there
   * @param signal ends the waiting
   * @throws MocoError `ERR_MOCO_OUTPUT` where another run writes there; `ERR_MOCO_ABORTED`
   */
  static async *acquire(
    run: string,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<WarningEvent, RunLock, void> {
    const path = `${run}.running.json`;
    const attempts = new LockAttempts(path);
    for (let looks = 0; ; looks++) {
      const outcome = nextOf(attempts, path);
      if (!('isAlive' in outcome)) return new RunLock(run, path, outcome);
      if (outcome.isAlive) throw inUse(run, outcome);
      if (looks === 1) yield { type: 'warning', message: waiting(run, outcome) };
      await sleep(POLL_MS, undefined, { signal }).catch(() => throwIfAborted(signal, 'the run'));
    }
  }

  /**
   * Makes sure that this run may still write.
   * @throws MocoError `ERR_MOCO_OUTPUT` where another run has taken its files over, which found no
   * sign of life of it
   */
  requireHeld(): void {
    if (this.#isHeld()) return;
    const message = `cannot write ${this.#run}: another run has taken its files over, because this one gave no sign of life for a minute`;
    throw new MocoError('ERR_MOCO_OUTPUT', message, {
      hint: 'It goes on from the last checkpoint, and this run wrote nothing since: leave it the rest, or end it.',
    });
  }

  /** Lets other runs write there. Never fails, and can be called more than once. */
  release(): void {
    this.#lock.release();
  }

  #isHeld(): boolean {
    try {
      return this.#lock.isHeld;
    } catch (cause) {
      throw outputError(this.#path, cause);
    }
  }
}

function nextOf(attempts: LockAttempts, path: string): FileLock | LockHeld {
  try {
    return attempts.next();
  } catch (cause) {
    throw outputError(path, cause);
  }
}

function inUse(run: string, held: LockHeld): MocoError {
  const message = `cannot write ${run}: ${whoOf(held)} writes the same files`;
  return new MocoError('ERR_MOCO_OUTPUT', message, {
    hint: 'Wait until that run has ended, or choose another folder with --out.',
  });
}

function waiting(run: string, held: LockHeld): string {
  return `waiting for a minute, to see whether ${whoOf(held)} still writes ${run}`;
}

function whoOf({ holder }: LockHeld): string {
  if (holder === undefined) return 'another run';
  return `process ${holder.pid} on ${holder.host} (since ${holder.started})`;
}
