import type { EvaluationEvent, TrainerDescription } from './events.js';

/**
 * Below it all pictures have nearly the same projection: 1 is even, 0 is collapse (Chen & He, CVPR
 * 2021, figure 2).
 */
const LEAST_SPREAD = 0.05;

/** Below it the features of all pictures are multiples of nearly one vector: 1 is collapse. */
const LEAST_RANK = 1.1;

/**
 * How many steps come first: an evaluation normalises by BatchNorm's running statistics, which forget
 * where they began over some dozen steps.
 */
const FIRST = 100;

/** Notices by what is measured without labels that the encoder has collapsed; says so once. */
export class MeasureWatch {
  readonly #stepsPerEpoch: number;
  #hasWarned = false;

  constructor({ stepsPerEpoch }: Pick<TrainerDescription, 'stepsPerEpoch'>) {
    this.#stepsPerEpoch = stepsPerEpoch;
  }

  /** Takes the next evaluation. @returns a warning, where there is one to give */
  after({ epoch, measures }: Pick<EvaluationEvent, 'epoch' | 'measures'>): string | undefined {
    if (this.#hasWarned || measures === undefined) return undefined;
    if (epoch * this.#stepsPerEpoch < FIRST) return undefined;
    const { dimensionSpread, effectiveRank } = measures;
    if (dimensionSpread >= LEAST_SPREAD && effectiveRank >= LEAST_RANK) return undefined;
    this.#hasWarned = true;
    return `the encoder has collapsed: it gives all pictures nearly the same vector (spread ${dimensionSpread.toFixed(3)}, effective rank ${effectiveRank.toFixed(1)}); look whether the training pictures are all alike, else change the learning rate, the temperature or the momentum`;
  }
}
