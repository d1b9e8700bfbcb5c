import { sortedNaturally } from './names.js';
import { NO_LABEL } from './source.js';

/** The labels of all candidates. */
export interface ClassLabels {
  /** By candidate: an index into `classes`, or `NO_LABEL`. */
  readonly of: Int32Array;
  /** In the order of their names, numbers in them by their value. */
  readonly classes: readonly string[];
  /** How many candidates have none. */
  readonly without: number;
}

export const NO_LABELS: ClassLabels = { of: new Int32Array(), classes: [], without: 0 };

/** @param names of each candidate's class; undefined where it has none */
export function classLabels(names: readonly (string | undefined)[]): ClassLabels {
  const classes = sortedNaturally(new Set(names.filter((name) => name !== undefined)));
  const labels = new Map(classes.map((name, label) => [name, label]));
  const of = Int32Array.from(names, (name) =>
    name === undefined ? NO_LABEL : (labels.get(name) as number),
  );
  return { of, classes, without: names.filter((name) => name === undefined).length };
}
