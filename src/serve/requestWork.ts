import { type RequestError, unavailable } from './requestError.js';

/**
 * The work of one request: it has a place in the service until it has ended and its connection is
 * answered or gone, whichever is later, so that clients that go away cannot pile up work.
 */
export class RequestWork {
  readonly #onEnd: () => void;
  readonly #timer: NodeJS.Timeout;
  readonly #controller = new AbortController();
  #isOpen = true;
  #isRunning = false;

  /**
   * @param seconds after which it is ended
   * @param onEnd called when the place is free
   */
  constructor(seconds: number, onEnd: () => void) {
    this.#onEnd = onEnd;
    this.#timer = setTimeout(() => this.end(tooLong(seconds)), seconds * 1000);
  }

  /** Given when the work is ended. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /**
   * Does the work, which should end soon after its signal; the caller waits no longer than until then.
   * @throws RequestError with which the work was ended, such as 503 after too many seconds
   */
  async run<Result>(task: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
    const { signal } = this;
    signal.throwIfAborted();
    const ended = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
    this.#isRunning = true;
    const working = task(signal).finally(() => {
      this.#isRunning = false;
      this.#settle();
    });
    return await Promise.race([working, ended]);
  }

  /** Ends the work: what `run` throws then. */
  end(reason: RequestError): void {
    this.#controller.abort(reason);
  }

  /** The connection is answered, or gone. */
  close(): void {
    this.#isOpen = false;
    this.#settle();
  }

  #settle(): void {
    if (this.#isOpen || this.#isRunning) return;
    clearTimeout(this.#timer);
    this.#onEnd();
  }
}

function tooLong(seconds: number): RequestError {
  const message = `the request was not answered within ${seconds} s`;
  return unavailable('timeout', message, 'Send fewer pictures at a time, or try again later.');
}
