/** A call that waits to be let in. */
interface Waiting {
  readonly count: number;
  enter(): void;
}

/**
 * A bounded number of places, given in the order in which they are asked for. Who asks for more than
 * there are gets them all, alone.
 */
export class Places {
  readonly #total: number;
  readonly #waiting = new Set<Waiting>();
  #taken = 0;

  constructor(total: number) {
    this.#total = total;
  }

  get taken(): number {
    return this.#taken;
  }

  /** How many places are waited for. */
  get waitedFor(): number {
    return [...this.#waiting].reduce((sum, { count }) => sum + count, 0);
  }

  /**
   * Waits until there are so many places. They are given back when the result is disposed of.
   * @throws the signal's reason, as soon as it is given
   */
  async take(count: number, signal: AbortSignal): Promise<Disposable> {
    signal.throwIfAborted();
    const places = Math.min(count, this.#total);
    if (this.#waiting.size > 0 || !this.#fits(places)) await this.#wait(places, signal);
    else this.#taken += places;
    let isGivenBack = false;
    return {
      [Symbol.dispose]: () => {
        if (isGivenBack) return;
        isGivenBack = true;
        this.#taken -= places;
        this.#letIn();
      },
    };
  }

  #fits(count: number): boolean {
    return this.#taken + count <= this.#total;
  }

  #wait(count: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        this.#waiting.delete(waiting);
        this.#letIn(); // those behind may need fewer places
        reject(signal.reason);
      };
      const enter = () => {
        signal.removeEventListener('abort', giveUp);
        this.#taken += count;
        resolve();
      };
      const waiting = { count, enter };
      this.#waiting.add(waiting);
      signal.addEventListener('abort', giveUp, { once: true });
    });
  }

  #letIn(): void {
    for (const waiting of this.#waiting) {
      if (!this.#fits(waiting.count)) return;
      this.#waiting.delete(waiting);
      waiting.enter();
    }
  }
}
