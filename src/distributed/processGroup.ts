import { isDeepStrictEqual } from 'node:util';
import { shown } from '../arguments/shown.js';
import { MocoError } from '../error.js';
import type { NativeGroup } from '../native/group.js';

/** What all processes of a run must have the same of, by names that people know. */
export type Agreement = Readonly<Record<string, unknown>>;

/** The processes that train together, of which this is one. */
export class ProcessGroup implements AsyncDisposable {
  /** This process's number, from 0. */
  readonly rank: number;
  /** How many there are. */
  readonly count: number;
  readonly native: NativeGroup;
  #hasLeft = false;

  /** Programs call `joinProcesses`. */
  constructor(native: NativeGroup) {
    this.native = native;
    this.rank = native.description.rank;
    this.count = native.description.processes;
  }

  /** Whether this is the process that writes files and shows what happens. */
  get isFirst(): boolean {
    return this.rank === 0;
  }

  /**
   * Waits until all processes have come here.
   * @param own is told to all
   * @returns what each has told, in order of rank
   * @throws MocoError `ERR_MOCO_PEER` where one of them has ended
   */
  async exchange<Told>(own: Told): Promise<Told[]> {
    const told = await this.native.exchange(JSON.stringify(own)).catch(rejectOurs);
    return told.map((text) => JSON.parse(text) as Told);
  }

  /**
   * Makes sure that all processes have the same.
   * @throws MocoError `ERR_MOCO_CONFIG` in all of them, with what differs, and where
   */
  async requireSame(own: Agreement): Promise<void> {
    const [first = {}, ...others] = await this.exchange(own);
    const lines = others.flatMap((other, index) => differences(first, other, index + 1));
    if (lines.length === 0) return;
    const message = `the processes of the run were not started alike:\n${lines.join('\n')}`;
    throw new MocoError('ERR_MOCO_CONFIG', message, {
      hint: 'Give all of them the same version of moco, the same configuration and the same pictures.',
    });
  }

  /** Tells the other processes that this one ends by a failure, so that they end, too. */
  async leave(failure: unknown): Promise<void> {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    const reason = failure instanceof Error ? failure.message : String(failure);
    await this.native.leave(`rank ${this.rank} ended: ${reason}`).catch(() => {}); // it ends by the failure
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.native.dispose();
  }
}

function differences(first: Agreement, other: Agreement, rank: number): string[] {
  const names = [...new Set([...Object.keys(first), ...Object.keys(other)])];
  return names
    .filter((name) => !isDeepStrictEqual(first[name], other[name]))
    .map(
      (name) => `  ${name}: ${shown(first[name])} on rank 0, ${shown(other[name])} on rank ${rank}`,
    );
}

function rejectOurs(error: unknown): never {
  throw MocoError.from(error);
}
