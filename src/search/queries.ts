import { setImmediate } from 'node:timers/promises';
import { throwIfAborted } from '../abort.js';
import { MocoError } from '../error.js';

/** As long as the longest vector that can be compared: see native/core/search/metric.h. */
const LONGEST = 1e18;

/** Numbers that are looked at before others have a turn. */
const AT_ONCE = 1_048_576;

/**
 * A copy of queries, made at the call.
 * @throws MocoError `ERR_MOCO_CONFIG` where they are no whole number of vectors
 */
export function copiedQueries(query: Float32Array, dims: number): Float32Array {
  if (query.length === 0 || query.length % dims !== 0) {
    const given = `${query.length} numbers are no whole number of vectors of ${dims}`;
    throw new MocoError('ERR_MOCO_CONFIG', `query: ${given}, which the index has`, {
      hint: 'Ask with features of the model that the index was made with.',
    });
  }
  const copy = new Float32Array(query.length); // in memory that nobody else has
  copy.set(query);
  return copy;
}

/**
 * Makes sure that queries can be compared, of which one that cannot would fail others with it.
 * @throws MocoError `ERR_MOCO_NON_FINITE` for a number that is not finite, or too large;
 * `ERR_MOCO_ABORTED` after the signal
 */
export async function requireComparable(
  queries: Float32Array,
  dims: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const atOnce = Math.max(1, Math.floor(AT_ONCE / dims));
  const count = queries.length / dims;
  for (let first = 0; first < count; first += atOnce) {
    if (first > 0) await setImmediate();
    throwIfAborted(signal, 'the search');
    for (let number = first; number < Math.min(first + atOnce, count); number++) {
      requireOne(queries.subarray(number * dims, (number + 1) * dims), number);
    }
  }
}

function requireOne(query: Float32Array, number: number): void {
  let square = 0;
  for (const value of query) square += value * value;
  if (Math.sqrt(square) < LONGEST) return; // which a NaN is not
  const message = `query ${number} has a number that is not finite, or too large to be compared`;
  throw new MocoError('ERR_MOCO_NON_FINITE', message, {
    hint: 'Look where it comes from: features of a sound model are finite.',
  });
}
