import { distance } from 'fastest-levenshtein';

/** What to say of a name that is none of those known: the one that it most likely means, if any. */
export function unknownName(
  kind: 'flag' | 'key' | 'option' | 'recipe',
  name: string,
  known: readonly string[],
): string {
  const meant = nearest(name, known);
  return `unknown ${kind}${meant === undefined ? '' : `; the nearest known one is ${meant}`}`;
}

/**
 * The candidate that differs in the fewest letters, unless more than half of them differ. Capitals,
 * `_` and `-` make no difference.
 */
function nearest(name: string, candidates: readonly string[]): string | undefined {
  const plain = (text: string) => text.replace(/[-_]/g, '').toLowerCase();
  const given = plain(name);
  const distances = candidates.map((candidate) => distance(given, plain(candidate)));
  const least = Math.min(...distances);
  const closest = candidates[distances.indexOf(least)] as string;
  const isMeant = least <= Math.max(given.length, plain(closest).length) / 2;
  return isMeant ? closest : undefined;
}
