/**
 * Takes the steps of one epoch from the addon, which pushes them, to a consumer, which pulls them
 * and may be slow. All steps that wait are handed over together; they are never more than the
 * epoch's.
 */
export class StepInbox<Row> implements AsyncIterable<Row[]> {
  #waiting: Row[] = [];
  #end: { error?: unknown } | undefined;
  #wake = () => {};

  /**
   * @param decode the rows of what is pushed
   * @param epoch settles when the addon has pushed everything
   */
  constructor(
    decode: (numbers: Float64Array) => Row[],
    epoch: (push: (numbers: Float64Array) => void) => Promise<unknown>,
  ) {
    epoch((numbers) => {
      this.#waiting = this.#waiting.concat(decode(numbers));
      this.#wake();
    }).then(
      () => this.#close({}),
      (error) => this.#close({ error }),
    );
  }

  #close(end: { error?: unknown }): void {
    this.#end = end;
    this.#wake();
  }

  /** Whether the addon is done with the epoch. */
  get isClosed(): boolean {
    return this.#end !== undefined;
  }

  /** Whether the epoch ended with an error. */
  get hasFailed(): boolean {
    return this.#end !== undefined && 'error' in this.#end;
  }

  /** Returns when the addon is done with the epoch, however it ended. */
  async closed(): Promise<void> {
    while (!this.isClosed) await this.#news();
  }

  /** Ends with the error that ended the epoch, after the steps before it. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Row[], void, void> {
    while (true) {
      if (this.#waiting.length > 0) yield this.#waiting.splice(0);
      else if (this.#end === undefined) await this.#news();
      else if ('error' in this.#end) throw this.#end.error;
      else return;
    }
  }

  #news(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
