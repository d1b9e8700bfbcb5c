import type { Pictures } from '../data/dataset.js';
import { hasLabels, labelledPictures } from '../data/labelled.js';
import { MocoError } from '../error.js';

interface Splits {
  readonly train: Pictures;
  readonly test: Pictures;
  /** Pictures to choose by; undefined where there are none. */
  readonly validation?: Pictures | undefined;
}

const NAMES = { train: 'training pictures', test: 'test pictures' } as const;

/**
 * The pictures that have a label: by these, an encoder is measured.
 * @param heldOut training pictures that will be held out
 * @throws MocoError `ERR_MOCO_CONFIG` where too few have a label
 */
export function labelledSplits({ train, test, validation }: Splits, heldOut: number): Splits {
  const labelled = {
    train: labelledPictures(train),
    test: labelledPictures(test),
    validation: validation && hasLabels(validation) ? labelledPictures(validation) : undefined,
  };
  const fewest = { train: heldOut + 1, test: 1 };
  for (const split of ['train', 'test'] as const) {
    const { count } = labelled[split];
    if (count >= fewest[split]) continue;
    const pictures = NAMES[split];
    const needed = heldOut > 0 && split === 'train' ? `, and ${heldOut} are to be held out` : '';
    const message =
      count === 0 ? `the ${pictures} have no labels` : `only ${count} ${pictures} have a label`;
    throw new MocoError('ERR_MOCO_CONFIG', `${message}${needed}`, {
      hint: 'kNN and linear evaluation need labels, for some of the pictures at least: --labels folders, or a table. Without any, the metrics of the training tell something, and `moco neighbours` shows it.',
    });
  }
  return labelled;
}

/** How many pictures have no label, one line for each split where some have none. */
export function leftOut(all: Splits, labelled: Splits): string[] {
  return (['train', 'test'] as const).flatMap((split) => {
    const { count } = all[split];
    const without = count - labelled[split].count;
    return without === 0
      ? []
      : [`${without} of ${count} ${NAMES[split]} have no label, and are left out`];
  });
}
