import type { CacheEntry, SetupResult } from '../index.js';
import { gibibytes } from './quantities.js';
import { tableLines } from './table.js';

/** What moco computes with from now on. */
export function setupLines({ addon, libtorch }: SetupResult): string[] {
  const kind = libtorch.cuda ? 'CUDA' : 'CPU';
  return [
    `moco is set up: LibTorch ${libtorch.version} (${kind}) in ${libtorch.prefix}`,
    `                the addon in ${addon}`,
  ];
}

/** The cache as a table. */
export function cacheLines(entries: readonly CacheEntry[]): string[] {
  if (entries.length === 0) return ['Nothing was set up yet.'];
  const rows = entries.map(({ path, kind, bytes, isUsed }) => [
    path,
    kind,
    gibibytes(bytes),
    isUsed ? 'in use' : '',
  ]);
  return [...tableLines([['path', 'what', 'size', ''], ...rows]), ...pruneHint(entries)];
}

/** What was removed from the cache. */
export function prunedLines(removed: readonly CacheEntry[]): string[] {
  const lines = removed.map(({ path }) => `removed ${path}`);
  return [...lines, `${removed.length} removed, ${gibibytes(sumOf(removed))}`];
}

function pruneHint(entries: readonly CacheEntry[]): string[] {
  const unused = entries.filter(({ isUsed, kind }) => !isUsed && kind !== 'other');
  if (unused.length === 0) return [];
  return [`moco setup --prune removes what is not in use, ${gibibytes(sumOf(unused))}.`];
}

function sumOf(entries: readonly CacheEntry[]): number {
  return entries.reduce((sum, { bytes }) => sum + bytes, 0);
}
