import type { Pictures } from './dataset.js';

/** Some of the pictures, by their numbers. */
export function selectPictures(pictures: Pictures, numbers: Uint32Array): Pictures {
  const { height, width } = pictures;
  const labels = Int32Array.from(numbers, (number) => pictures.labels[number] as number);
  const pixels = selectPixels(pictures, numbers);
  return { pixels, labels, count: numbers.length, height, width };
}

/** Those in memory are copied; of those in a file, other rows are taken. */
function selectPixels(
  { pixels, height, width }: Pictures,
  numbers: Uint32Array,
): Pictures['pixels'] {
  if (!(pixels instanceof Uint8Array)) {
    return { ...pixels, rows: numbers.map((number) => pixels.rows[number] as number) };
  }
  const bytes = 3 * height * width;
  const selected = new Uint8Array(numbers.length * bytes);
  for (const [place, number] of numbers.entries()) {
    selected.set(pixels.subarray(number * bytes, (number + 1) * bytes), place * bytes);
  }
  return selected;
}
