import { constants } from 'node:os';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** Thrown in place of a run's own error after the user ended it. */
export class Interrupted extends Error {
  readonly exitCode: number;

  /** @param cause what the run threw: how far it came, and how to go on */
  constructor(signal: (typeof SIGNALS)[number], cause: unknown) {
    super(`ended by ${signal}`, { cause });
    this.exitCode = 128 + constants.signals[signal];
  }
}

/**
 * Runs what Ctrl-C and SIGTERM end: the first one aborts the signal, a second one ends the process
 * at once.
 * @throws Interrupted in place of the run's own error where a signal came
 */
export async function interruptible(run: (signal: AbortSignal) => Promise<void>): Promise<void> {
  using interruption = new Interruption();
  try {
    await run(interruption.signal);
  } catch (error) {
    interruption.throwIfReceived(error);
    throw error;
  }
}

class Interruption implements Disposable {
  readonly #controller = new AbortController();
  #received: (typeof SIGNALS)[number] | undefined;

  constructor() {
    for (const name of SIGNALS) process.on(name, this.#onSignal);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** @throws Interrupted where a signal came */
  throwIfReceived(cause: unknown): void {
    if (this.#received) throw new Interrupted(this.#received, cause);
  }

  [Symbol.dispose](): void {
    for (const name of SIGNALS) process.off(name, this.#onSignal);
  }

  readonly #onSignal = (name: NodeJS.Signals): void => {
    if (this.#received) {
      this[Symbol.dispose]();
      process.kill(process.pid, name); // nothing catches it now
      return;
    }
    this.#received = name as (typeof SIGNALS)[number];
    console.error('\nstopping (Ctrl-C again ends at once)');
    this.#controller.abort();
  };
}
