import type { Pictures } from './dataset.js';
import { selectPictures } from './selectPictures.js';

/** Whether any of the pictures has a label. */
export function hasLabels({ labels }: Pick<Pictures, 'labels'>): boolean {
  return labels.some(isLabel);
}

/** The pictures that have a label, in order; what was given where all have one. */
export function labelledPictures(pictures: Pictures): Pictures {
  const { labels, count } = pictures;
  if (labels.every(isLabel)) return pictures;
  const numbers = Uint32Array.from({ length: count }, (_, number) => number);
  return selectPictures(
    pictures,
    numbers.filter((number) => isLabel(labels[number] as number)),
  );
}

function isLabel(label: number): boolean {
  return label >= 0;
}
