import type { BestBy, EvaluationEvent, LabelFreeMeasures } from '../index.js';
import { percent } from './quantities.js';

const TEXTS: Readonly<Record<BestBy, (value: number) => string>> = {
  knn: (value) => `kNN top-1 ${percent(value)}`,
  alignment: (value) => `alignment ${value.toFixed(3)}`,
  uniformity: (value) => `uniformity ${value.toFixed(3)}`,
  effectiveRank: (value) => `effective rank ${value.toFixed(1)}`,
  dimensionSpread: (value) => `spread ${value.toFixed(2)}`,
  ownKeyRank: (value) => `own key's rank ${percent(100 * value)}`,
  ownKeyMedianRank: (value) => `own key's median rank ${percent(100 * value)}`,
  ownKeyFirst: (value) => `own key first ${percent(100 * value)}`,
  neighbourAgreement: (value) => `neighbours agree ${percent(100 * value)}`,
};

/** What is shown of an evaluation without labels. */
const SHOWN = ['ownKeyRank', 'neighbourAgreement', 'effectiveRank'] as const;

/** A figure by which epochs are compared: `effective rank 143.2`. */
export function measureText(by: BestBy, value: number): string {
  return TEXTS[by](value);
}

/**
 * How good an encoder is, in one line: kNN accuracy, or what is told without labels; with what the
 * best epoch is chosen by.
 */
export function measuresText({ top1, top5, measures, best }: EvaluationEvent): string {
  const isLabelled = top1 !== undefined && top5 !== undefined;
  const accuracies = isLabelled ? [measureText('knn', top1), `top-5 ${percent(top5)}`] : [];
  return [...accuracies, ...shownMeasures(measures, best?.by ?? 'knn', isLabelled)].join(', ');
}

function shownMeasures(
  measures: LabelFreeMeasures | undefined,
  by: BestBy,
  isLabelled: boolean,
): string[] {
  if (measures === undefined) return [];
  const names = new Set([...(by === 'knn' ? [] : [by]), ...(isLabelled ? [] : SHOWN)]);
  return [...names].map((name) => measureText(name, measures[name]));
}
