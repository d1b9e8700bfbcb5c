import { existsSync } from 'node:fs';
import { throwIfAborted } from '../abort.js';
import { MocoError } from '../error.js';
import { type FeatureFile, readFeatureFile } from '../features/featureFile.js';
import { numbersOf } from '../features/numbersOf.js';
import type { NativeFoundRows, NativeSearcher } from '../native/searcher.js';
import { graphPath, NeighbourGraph } from './graph.js';
import type { SearchOptions } from './indexOptions.js';
import type { IndexDescription } from './indexTypes.js';

/** Queries that the graph is asked at a time, between which a signal is heeded. */
const QUERIES_AT_ONCE = 64;

/**
 * The graph of an index that is to be approximate.
 * @param file that the index was loaded from, beside which the graph may be
 * @returns undefined where it is to be exact
 * @throws MocoError as `NeighbourGraph.of`; the searcher is disposed of then
 */
export async function graphFor(
  native: NativeSearcher,
  rows: Pick<IndexDescription, 'size' | 'dims' | 'metric' | 'dtype'>,
  { approximate = false, signal }: SearchOptions,
  file?: FeatureFile,
): Promise<NeighbourGraph | undefined> {
  if (!approximate) return undefined;
  const path = file && graphPath(file.path, file.crc32);
  const saved = path !== undefined && existsSync(path) ? path : undefined;
  const read = async (first: number, count: number) =>
    numbersOf(await native.bytesOf(first, count), rows.dtype);
  try {
    const { threads } = native.description;
    return await NeighbourGraph.of(rows, read, { threads, saved, signal });
  } catch (error) {
    await native.dispose();
    throw MocoError.from(error);
  }
}

/**
 * Asks a graph for the neighbours of queries.
 * @returns undefined where it finds fewer of some than asked for
 * @throws MocoError `ERR_MOCO_ABORTED` at once after the signal; `ERR_MOCO_DISPOSED`
 */
export async function searchGraph(
  graph: NeighbourGraph,
  queries: Float32Array,
  { dims, k }: { readonly dims: number; readonly k: number },
  signal: AbortSignal | undefined,
): Promise<NativeFoundRows | undefined> {
  const length = (queries.length / dims) * k;
  const [rows, similarities] = [new Uint32Array(length), new Float32Array(length)];
  const atOnce = QUERIES_AT_ONCE * dims;
  for (let first = 0; first < queries.length; first += atOnce) {
    const some = queries.slice(first, first + atOnce);
    const found = await orAborted(graph.search(some, k), signal);
    if (found.counts.some((count) => count < k)) return undefined;
    rows.set(found.rows, (first / dims) * k);
    similarities.set(found.similarities, (first / dims) * k);
  }
  return { k, rows, similarities };
}

/** Writes a graph beside the features of its index. */
export async function saveGraph(graph: NeighbourGraph, features: string): Promise<void> {
  await graph.save(features, (await readFeatureFile(features)).crc32);
}

/** What a promise gives, unless the signal is given first. */
async function orAborted<Value>(
  promise: Promise<Value>,
  signal: AbortSignal | undefined,
): Promise<Value> {
  let stop = () => {};
  const aborted = new Promise<undefined>((resolve) => {
    stop = () => resolve(undefined);
    signal?.addEventListener('abort', stop);
  });
  try {
    const value = await Promise.race([promise, aborted]);
    throwIfAborted(signal, 'the search');
    return value as Value;
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}
