import { setMaxListeners } from 'node:events';
import { MocoError } from '../error.js';

/**
 * The end of a call before its time: by the caller's signal, by the disposal of the encoder, or since
 * a part of the call has failed. Its own signal says so to all parts.
 */
export class Ending implements Disposable {
  readonly #controller = new AbortController();
  readonly #detach: () => void;

  /** @param given the caller's, which may be of another realm */
  constructor(given: AbortSignal | undefined) {
    setMaxListeners(0, this.signal); // a call may have many parts
    const byCaller = () => this.fail(stopped(given?.reason));
    if (given?.aborted) byCaller();
    given?.addEventListener('abort', byCaller);
    this.#detach = () => given?.removeEventListener('abort', byCaller);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Ends all parts, for instance since one has failed. */
  fail(error: unknown): void {
    this.#controller.abort(error);
  }

  /**
   * Waits for a part, and no longer than until the end.
   * @throws what the part throws, or what has ended the call
   */
  async before<Result>(part: Promise<Result>): Promise<Result> {
    return await beforeAbort(part, this.signal);
  }

  [Symbol.dispose](): void {
    this.#detach();
  }
}

/**
 * Waits for something, and no longer than until a signal is given.
 * @param onAbort is called then
 * @throws what the promise rejects with, or the signal's reason
 */
export async function beforeAbort<Result>(
  promise: Promise<Result>,
  signal: AbortSignal,
  onAbort?: () => void,
): Promise<Result> {
  return await new Promise((resolve, reject) => {
    const giveUp = () => {
      onAbort?.();
      reject(signal.reason);
    };
    if (signal.aborted) giveUp();
    signal.addEventListener('abort', giveUp, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', giveUp));
  });
}

/** The error of calls that end before their time. */
export function stopped(cause?: unknown): MocoError {
  return new MocoError('ERR_MOCO_ABORTED', 'the embedding was stopped', { cause });
}

/** The error of calls that an encoder's disposal ends, and of those after it. */
export function disposed(): MocoError {
  return new MocoError('ERR_MOCO_DISPOSED', 'the encoder was disposed of', {
    hint: 'Load it again: loadEncoder().',
  });
}
