import { MEASURE_NAMES } from '../config/measures.js';
import { resultsCsv, unlabelledResultsCsv } from '../formats/resultsCsv.js';
import type { TrainerDescription } from './events.js';
import type { EvaluatedEpoch } from './runState.js';

/** The results file: the reference's where there are labels. */
export function resultsTable(
  { dataset }: Pick<TrainerDescription, 'dataset'>,
  results: readonly EvaluatedEpoch[],
): string {
  return dataset.isLabelled ? resultsCsv(results) : unlabelledResultsCsv(results, MEASURE_NAMES);
}
