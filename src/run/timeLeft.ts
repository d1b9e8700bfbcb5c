/** Over about how many of the last steps their duration is averaged. */
const MEMORY = 20;

/** Estimates how long the rest of a run takes, from the steps and evaluations so far. */
export class TimeLeft {
  #stepsLeft: number;
  #evaluationsLeft: number;
  #steps = 0;
  #stepSeconds = 0;
  #evaluationSeconds = 0;

  constructor(steps: number, evaluations: number) {
    this.#stepsLeft = steps;
    this.#evaluationsLeft = evaluations;
  }

  stepTook(seconds: number): void {
    this.#stepsLeft -= 1;
    // The first step of a run takes longer, since it warms everything up: it counts until the
    // second.
    const remembered = Math.max(1, Math.min(this.#steps, MEMORY));
    this.#steps += 1;
    this.#stepSeconds += (seconds - this.#stepSeconds) / remembered;
  }

  evaluationTook(seconds: number): void {
    this.#evaluationsLeft -= 1;
    this.#evaluationSeconds = seconds;
  }

  /** How many more steps, with one evaluation, so many seconds are enough for. */
  stepsWithin(seconds: number): number {
    const steps = (seconds - this.#evaluationSeconds) / this.#stepSeconds;
    return Math.max(0, Math.min(this.#stepsLeft, Math.floor(steps)));
  }

  /** Estimate for the rest. Evaluations count as taking no time until the first has been made. */
  get seconds(): number {
    return this.#stepsLeft * this.#stepSeconds + this.#evaluationsLeft * this.#evaluationSeconds;
  }
}
