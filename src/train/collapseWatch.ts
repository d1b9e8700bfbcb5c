import type { TrainConfig } from '../config/trainConfig.js';
import type { StepRow } from './stepRows.js';

/** How many steps with a full queue come first: a run that learns needs some to begin. */
const FIRST = 100;

/** Over how many steps the loss is averaged. */
const STEPS = 200;

/** The share of the way from guessing to telling all pictures apart that counts as none. */
const NONE = 0.01;

type WatchedSettings = Pick<TrainConfig, 'm' | 'temperature' | 'loss' | 'lossScale' | 'negatives'>;

/**
 * Notices that a run does not learn to tell pictures apart, because they are all alike or because
 * the encoder gives all of them the same vector; says so once. A query is then as near to any key
 * of the queue as to its own, and the loss (eq. 1) is that of guessing, ln(1 + m). Nothing is said
 * about other losses and negatives.
 */
export class CollapseWatch {
  readonly #guessing: number;
  readonly #furthest: number;
  readonly #isKnown: boolean;
  #hasWarned = false;
  #steps = -FIRST;
  #losses = 0;

  constructor({ m, temperature, ...config }: WatchedSettings) {
    this.#isKnown =
      config.loss === 'info-nce' && config.lossScale === 'none' && config.negatives === 'queue';
    this.#guessing = Math.log(1 + m);
    // Where a query equals its own key, and is orthogonal to all others.
    this.#furthest = Math.log(1 + m * Math.exp(-1 / temperature));
  }

  /** Takes the next step. @returns a warning, where there is one to give */
  after({ loss, queueFill }: StepRow): string | undefined {
    // Until the queue is full, the random vectors in it are told from keys of pictures.
    if (!this.#isKnown || this.#hasWarned || queueFill < 1) return undefined;
    this.#steps++;
    if (this.#steps <= 0) return undefined;
    this.#losses += loss;
    if (this.#steps < STEPS) return undefined;
    const mean = this.#losses / STEPS;
    this.#steps = 0;
    this.#losses = 0;
    const share = (this.#guessing - mean) / (this.#guessing - this.#furthest);
    if (share > NONE) return undefined;
    this.#hasWarned = true;
    return `the run has collapsed, or not begun to learn: over ${STEPS} steps, the loss is ${mean.toFixed(3)}, and guessing gives ln(1 + m) = ${this.#guessing.toFixed(3)}; look whether the training pictures are all alike, else change the learning rate or the temperature`;
  }
}
