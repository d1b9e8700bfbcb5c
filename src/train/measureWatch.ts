import type { EvaluationEvent } from './events.js';

/**
 * Below it all pictures have nearly the same projection: 1 is even, 0 is collapse (Chen & He, CVPR
 * 2021, figure 2).
 */
const LEAST_SPREAD = 0.05;

/** Below it the features of all pictures are multiples of nearly one vector: 1 is collapse. */
const LEAST_RANK = 1.1;

/** Notices by what is measured without labels that the encoder has collapsed; says so once. */
export class MeasureWatch {
  #hasWarned = false;

  /** Takes the next evaluation. @returns a warning, where there is one to give */
  after({ measures }: Pick<EvaluationEvent, 'measures'>): string | undefined {
    if (this.#hasWarned || measures === undefined) return undefined;
    const { dimensionSpread, effectiveRank } = measures;
    if (dimensionSpread >= LEAST_SPREAD && effectiveRank >= LEAST_RANK) return undefined;
    this.#hasWarned = true;
    return `the encoder has collapsed: it gives all pictures nearly the same vector (spread ${dimensionSpread.toFixed(3)}, effective rank ${effectiveRank.toFixed(1)}); look whether the training pictures are all alike, else change the learning rate, the temperature or the momentum`;
  }
}
