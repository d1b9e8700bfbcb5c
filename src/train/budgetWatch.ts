import { dependsOnLength, type LengthSettings } from '../config/optimiserKeys.js';
import { wayOn } from './wayOn.js';

/** The share of the budget by which a run ends late before that is said, and said again. */
const SHARE = 0.03;

/** How far a run is, and how much of it is left. */
interface Standing {
  /** That the run took so far. */
  readonly seconds: number;
  /** Estimate for the rest. */
  readonly secondsLeft: number;
  /** With how many steps in all the run would end after so many more seconds. */
  stepsWithin(seconds: number): number;
}

/**
 * Notices that a run will not end within its budget, because the machine has become slower than it was
 * when its length was chosen.
 */
export class BudgetWatch {
  readonly #budget: number;
  readonly #resume: string;
  readonly #override: string;
  #told = 0;

  /**
   * @param budget in seconds
   * @param directory of the run
   */
  constructor(budget: number, directory: string, config: LengthSettings) {
    this.#budget = budget;
    this.#resume = wayOn(directory);
    this.#override = dependsOnLength(config) ? ' --override steps' : '';
  }

  /** Looks at the run after an evaluation. @returns a warning, where there is one to give */
  after(standing: Standing): string | undefined {
    const { seconds, secondsLeft } = standing;
    const late = seconds + secondsLeft - this.#budget;
    if (secondsLeft <= 0 || late < this.#told + SHARE * this.#budget) return undefined;
    this.#told = late;
    const steps = standing.stepsWithin(this.#budget - seconds);
    const earlier = steps > 0 ? `, and would have to end after step ${steps} to be in time` : '';
    return `the run will end ${minutes(late)} late, because its steps take longer than in the trial${earlier}; it goes on all the same. Ctrl-C stops it with a checkpoint: ${this.#resume} then goes on, and ends earlier with --steps n${this.#override}`;
  }
}

function minutes(seconds: number): string {
  return seconds < 90 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;
}
