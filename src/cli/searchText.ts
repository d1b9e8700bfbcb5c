import type { DuplicatePair, DuplicatesResult, SearchPicturesResult } from '../index.js';
import { printable } from './printable.js';
import { count } from './quantities.js';
import { shownPath } from './shownPath.js';
import { tableLines } from './table.js';

/** Groups of duplicates that are listed. */
const LISTED = 50;

/** For each picture, those that are nearest, with their classes and similarities. */
export function searchReport({ pictures, page }: SearchPicturesResult): string[] {
  const tables = pictures.flatMap(({ name, neighbours }) => [
    shownPath(name),
    ...tableLines(
      neighbours.map((neighbour, rank) => [
        `${`${rank + 1}`.padStart(4)}  ${neighbour.name}`,
        ...(neighbours.some(({ label }) => label !== undefined) ? [neighbour.label ?? ''] : []),
        neighbour.similarity.toFixed(4),
      ]),
    ),
  ]);
  return [...tables.map(printable), ...written(page)];
}

/** The groups of pictures that are nearly the same. */
export function duplicatesReport({ groups, pairCount, page }: DuplicatesResult): string[] {
  const pictures = groups.reduce((sum, { ids }) => sum + ids.length, 0);
  const found = `${count(pictures, 'picture')} in ${count(groups.length, 'group')}, ${count(pairCount, 'pair')}`;
  const rest = groups.length - LISTED;
  return [
    ...groups.slice(0, LISTED).flatMap(groupLines).map(printable),
    ...(rest > 0 ? [`… and ${count(rest, 'group')} more (--json lists all)`] : []),
    ...(groups.length > 0 ? [found] : ['no picture is as similar to another']),
    ...written(page),
  ];
}

/** The pictures of a group, each with the one that it is most similar to. */
function groupLines({ ids, rows, pairs }: DuplicatesResult['groups'][number]): string[] {
  const nearest = new Map<number, DuplicatePair>();
  for (const pair of pairs) {
    for (const row of pair.rows) if (!nearest.has(row)) nearest.set(row, pair);
  }
  const lines = ids.map((id, at) => {
    const pair = nearest.get(rows[at] as number);
    if (pair === undefined) return [`  ${id}`, '', ''];
    const other = pair.rows[0] === rows[at] ? pair.ids[1] : pair.ids[0];
    return [`  ${id}`, pair.similarity.toFixed(4), `to ${other}`];
  });
  return ['', ...tableLines(lines)];
}

function written(page: string | undefined): string[] {
  return page === undefined ? [] : [`wrote ${shownPath(page)}`];
}
