import { type FeatureLists, NO_LABEL } from './featureTensors.js';

/** The columns of a table that say what a row is of. */
export function nameColumns({ labels }: FeatureLists): string[] {
  return labels === undefined ? ['filename'] : ['filename', 'label'];
}

/** What stands in these columns. */
export function nameFields(lists: FeatureLists, row: number): string[] {
  const name = lists.ids[row] as string;
  return lists.labels === undefined ? [name] : [name, labelOf(lists, row) ?? ''];
}

/** The name of a row's class; undefined where it has none. */
export function labelOf({ labels, classes }: FeatureLists, row: number): string | undefined {
  const label = labels?.[row] ?? NO_LABEL;
  return label === NO_LABEL ? undefined : classes?.[label];
}
