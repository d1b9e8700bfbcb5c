import type { TrainerDescription } from './events.js';
import type { StepRow } from './stepRows.js';

/** Over how many seconds of steps, at least, the wait is looked at: others may be busy for a moment. */
const SECONDS = 60;

/**
 * The share of its time that a run waits for a core where that is told. Alone on a machine it is
 * below 0.1, and 0.3 and more beside other busy processes (docs/benchmarks.md).
 */
const SHARE = 0.25;

/** Notices that others have the cores that a run on the CPU would compute on; says so once. */
export class CoreWatch {
  readonly #description: Pick<TrainerDescription, 'device' | 'computeThreads'>;
  #hasWarned = false;
  #seconds = 0;
  #waited = 0;

  constructor(description: Pick<TrainerDescription, 'device' | 'computeThreads'>) {
    this.#description = description;
  }

  /** Takes the next step. @returns a warning, where there is one to give */
  after({ seconds, secondsWithoutCore }: StepRow): string | undefined {
    if (this.#hasWarned || this.#description.device !== 'cpu') return undefined;
    this.#seconds += seconds;
    this.#waited += secondsWithoutCore;
    if (this.#seconds < SECONDS) return undefined;
    const share = this.#waited / this.#seconds;
    this.#seconds = 0;
    this.#waited = 0;
    if (share < SHARE) return undefined;
    this.#hasWarned = true;
    return `${(100 * share).toFixed(0)} % of the time, this run waits for a core: other processes have them, or a quota is used up; ${whatToDo(this.#description.computeThreads)}`;
  }
}

function whatToDo(threads: number): string {
  const lower = 'a lower priority for the others (nice) helps';
  return threads > 1
    ? `${threads} threads, which wait for each other, may then be slower than --threads ${threads - 1}, and ${lower}`
    : lower;
}
