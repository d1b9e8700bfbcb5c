/** Ends a connection that has gone silent, or that nobody wants any more. */
export class StallWatch {
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #outer: AbortSignal | undefined;
  #stalled: string | undefined;

  /** @param timeout milliseconds between two signs of life */
  constructor(timeout: number, outer: AbortSignal | undefined) {
    this.#outer = outer;
    outer?.addEventListener('abort', this.#end, { once: true });
    if (outer?.aborted) this.#end(); // then the listener is never called
    this.#timer = setTimeout(() => {
      this.#stalled = `no data came for ${timeout / 1000} s`;
      this.#end();
    }, timeout);
  }

  /** Is aborted on silence, when the outer signal is, and by `stop`. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** What to tell the user where silence was the reason. */
  get stalled(): string | undefined {
    return this.#stalled;
  }

  /** Starts the wait anew. */
  sawLife(): void {
    this.#timer.refresh();
  }

  /** Ends the watch, and the connection where an answer was not read to its end. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#outer?.removeEventListener('abort', this.#end);
    this.#end();
  }

  readonly #end = () => this.#controller.abort();
}
