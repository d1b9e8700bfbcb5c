import type { PicturesCheck, PicturesSummary } from '../index.js';
import { printable } from './printable.js';
import { count } from './quantities.js';
import { shownPath } from './shownPath.js';
import { tableLines } from './table.js';

/** Classes, broken files and damaged blocks that are listed; there may be very many. */
const [CLASSES, BROKEN, BLOCKS] = [20, 20, 20];

/** The smallest --image-size. */
const SMALLEST_VIEWS = 32;

/** What was packed. */
export function packedLines(summary: PicturesSummary): string[] {
  const { paths, storedSize } = summary;
  const what = `${count(summary.count, 'picture')} of ${storedSize}×${storedSize}`;
  return [`${paths.map(shownPath).join(', ')}: ${what}`, ...noteLines(summary)].map(printable);
}

/** What is in a packed file or in folders. */
export function picturesLines(summary: PicturesSummary): string[] {
  const { paths, storedSize, imageSize, formats, labels } = summary;
  return [
    `pictures    ${summary.count} in ${paths.map(shownPath).join(', ')}`,
    `stored      ${storedSize}×${storedSize}, for views of ${imageSize}×${imageSize}`,
    `formats     ${listed(formats)}`,
    `sizes       ${sizes(summary)}`,
    `splits      ${listed(summary.splits)} (by ${summary.splitFrom})`,
    `labels      ${labelsText(summary)}`,
    ...classLines(labels),
    `mean        ${decimals(summary.mean)} (R, G, B; training pictures)`,
    `deviation   ${decimals(summary.std)}`,
    ...duplicateLines(summary),
    `fingerprint ${summary.fingerprint}`,
    ...noteLines(summary),
  ].map(printable);
}

/** What the check of a packed file has found. */
export function checkLines({ path, count: pictures, blocks, damaged }: PicturesCheck): string[] {
  const all = `${count(pictures, 'picture')} in ${count(blocks, 'block')}`;
  if (damaged.length === 0) return [`${shownPath(path)}: ${all}, every checksum is right`];
  const lines = damaged.slice(0, BLOCKS).map(({ first, end, names }) => {
    const ends = names.length > 1 ? `${names[0]} … ${names.at(-1)}` : `${names[0]}`;
    return `  ${end - first > 1 ? `pictures ${first} to ${end - 1}` : `picture ${first}`}: ${ends}`;
  });
  const more = damaged.length > BLOCKS ? ['  …'] : [];
  return [
    `${shownPath(path)}: ${all}, ${damaged.length} of them damaged:`,
    ...lines,
    ...more,
    'Take another copy of it, or pack the folder again.',
  ].map(printable);
}

function noteLines(summary: PicturesSummary): string[] {
  const { broken, notices } = summary;
  const notes = [...notices, ...enlargedNote(summary)].map((notice) => `note: ${notice}`);
  if (broken.length === 0) return notes;
  const lines = broken.slice(0, BROKEN).map(({ name, reason }) => `  ${name}: ${reason}`);
  const more = broken.length > BROKEN ? [`  … and ${broken.length - BROKEN} more (--json)`] : [];
  return [...notes, `broken, and left out: ${broken.length}`, ...lines, ...more];
}

/** Pictures that are smaller than they are stored, and where most are, what size would suit them. */
function enlargedNote({ enlarged, storedSize, imageSize, width, height, ...all }: PicturesSummary) {
  if (enlarged === 0) return [];
  const note = `smaller than ${storedSize}, and enlarged: ${count(enlarged, 'picture')}`;
  // With the margin that stored pictures have for crops.
  const suited = 8 * Math.floor((Math.min(width.median, height.median) * 7) / 8 / 8);
  const better = Math.max(SMALLEST_VIEWS, suited);
  const isAdvised = 2 * enlarged > all.count && better < imageSize;
  return [isAdvised ? `${note}; --image-size ${better} suits most of them, and is faster` : note];
}

function sizes({ width, height }: PicturesSummary): string {
  return `${width.least}×${height.least} to ${width.most}×${height.most}, median ${width.median}×${height.median}`;
}

function labelsText({ labels, unlabelled, labelsFrom }: PicturesSummary): string {
  if (labels.length === 0) return 'none';
  const without = unlabelled > 0 ? `, ${count(unlabelled, 'picture')} without` : '';
  return `${labels.length} classes (from ${labelsFrom})${without}`;
}

function classLines(labels: PicturesSummary['labels']): string[] {
  const rows = labels.slice(0, CLASSES).map(({ name, count }) => [`  ${name}`, `${count}`]);
  const more = labels.length > CLASSES ? [`  … and ${labels.length - CLASSES} more (--json)`] : [];
  return [...tableLines(rows), ...more];
}

function duplicateLines({ duplicates }: PicturesSummary): string[] {
  const { groups, surplus, alsoTrained, examples } = duplicates;
  if (groups === 0) return ['duplicates  none'];
  const named = examples.map((names) => `  ${names.join(' = ')}`);
  const more = groups > examples.length ? ['  …'] : [];
  const both = alsoTrained > 0 ? `; trained and measured on: ${alsoTrained}` : '';
  return [`duplicates  ${surplus} files, in ${count(groups, 'group')}${both}`, ...named, ...more];
}

function listed(counts: Readonly<Record<string, number>>): string {
  const found = Object.entries(counts).filter(([, number]) => number > 0);
  return found.map(([name, number]) => `${name} ${number}`).join(', ');
}

function decimals(values: readonly number[]): string {
  return values.map((value) => value.toFixed(4)).join(', ');
}
