import { constants } from 'node:os';
import { ignoresHangup } from './hangup.js';

/**
 * Signals by which a user, a terminal or a batch system announces the end. Node would open a
 * debugger's port at `SIGUSR1`, and die without a word at the others.
 */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGXCPU'] as const;

/**
 * What ends a run: a signal, `SIGPIPE` where nobody reads the output any more, or `output` where it
 * cannot be written.
 */
type EndReason = (typeof SIGNALS)[number] | 'SIGPIPE' | 'output';

/** Thrown in place of a run's own error after something ended it from outside. */
export class Interrupted extends Error {
  /** @param cause what the run threw: how far it came, and how to go on */
  constructor(
    readonly reason: EndReason,
    cause: unknown,
  ) {
    super(`ended by ${reason}`, { cause });
  }

  get exitCode(): number {
    return this.reason === 'output' ? 1 : 128 + constants.signals[this.reason];
  }
}

/** The run that goes on. */
let current: Interruption | undefined;

/**
 * Runs what a signal ends: the first one aborts the run's. Others while it stops change nothing,
 * since terminals and batch systems send several; only a Ctrl-C then ends the process at once.
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

/**
 * Ends the run that goes on, as a signal does.
 * @returns whether there is one
 */
export function interruptRun(reason: EndReason): boolean {
  current?.end(reason);
  return current !== undefined;
}

class Interruption implements Disposable {
  readonly #controller = new AbortController();
  readonly #ignoresHangup = ignoresHangup();
  #received: EndReason | undefined;

  constructor() {
    current = this;
    for (const name of SIGNALS) process.on(name, this.#onSignal);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** @returns whether this is what ends the run */
  end(reason: EndReason): boolean {
    if (this.#received !== undefined || (reason === 'SIGHUP' && this.#ignoresHangup)) return false;
    this.#received = reason;
    this.#controller.abort();
    return true;
  }

  /** @throws Interrupted where a signal came */
  throwIfReceived(cause: unknown): void {
    if (this.#received) throw new Interrupted(this.#received, cause);
  }

  [Symbol.dispose](): void {
    for (const name of SIGNALS) process.off(name, this.#onSignal);
    current = undefined;
  }

  readonly #onSignal = (name: NodeJS.Signals): void => {
    if (this.end(name as EndReason)) {
      console.error(stoppingText(name));
    } else if (name === 'SIGINT') {
      this[Symbol.dispose]();
      process.kill(process.pid, name); // nothing catches it now
    }
  };
}

function stoppingText(name: NodeJS.Signals): string {
  return name === 'SIGINT'
    ? '\nstopping (Ctrl-C again ends at once)'
    : `\nstopping after ${name} (Ctrl-C ends at once)`;
}
