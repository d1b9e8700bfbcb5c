/** What is measured without labels, by its name, and which way is better. */
export const MEASURES = {
  alignment: 'lower',
  uniformity: 'lower',
  effectiveRank: 'higher',
  dimensionSpread: 'higher',
  ownKeyRank: 'lower',
  ownKeyMedianRank: 'lower',
  ownKeyFirst: 'higher',
  neighbourAgreement: 'higher',
} as const satisfies Readonly<Record<string, 'lower' | 'higher'>>;

export type MeasureName = keyof typeof MEASURES;

export const MEASURE_NAMES = Object.keys(MEASURES) as readonly MeasureName[];

/** By what the best epoch is chosen: kNN top-1, or what is measured without labels. */
export type BestBy = 'knn' | MeasureName;

/**
 * By what the best epoch is chosen where there are no labels, unless the user says otherwise: of all
 * measures, it goes most evenly with kNN accuracy while a run goes on (docs/benchmarks.md).
 */
export const BEST_WITHOUT_LABELS: MeasureName = 'ownKeyRank';
