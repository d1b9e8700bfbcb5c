/**
 * The program of a thread with a graph of neighbours: usearch answers when it is done, and would keep
 * whoever asks it from anything else until then.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { BatchMatches, Index, Matches } from 'usearch';
import type { GraphAnswer, GraphFound, GraphRequest } from './graphMessages.js';
import type { Metric } from './indexOptions.js';

/** A metric by usearch's name, and the similarity that its distance stands for. */
const METRICS = {
  cosine: { kind: 'Cos', similarity: (distance: number) => 1 - distance },
  dot: { kind: 'IP', similarity: (distance: number) => 1 - distance },
  euclidean: { kind: 'L2sq', similarity: (distance: number) => 0 - Math.sqrt(distance) },
} as const;

const { threads } = workerData as { readonly threads: number };
const port = parentPort as NonNullable<typeof parentPort>;

let index: Index;
let metric: Metric;
let dims: number;

port.on('message', async ({ number, request }: { number: number; request: GraphRequest }) => {
  port.postMessage(await answer(number, request));
});

async function answer(number: number, request: GraphRequest): Promise<GraphAnswer> {
  try {
    const found = await work(request);
    return { number, found, size: index.size() };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { number, failure: message, isMissing: code === 'ERR_MODULE_NOT_FOUND' };
  }
}

async function work(request: GraphRequest): Promise<GraphFound | undefined> {
  switch (request.type) {
    case 'open':
      ({ metric, dims } = request);
      index = await emptyIndex();
      return undefined;
    case 'read':
      index.view(request.path);
      return undefined;
    case 'add':
      index.add(keysOf(request), request.rows, threads);
      return undefined;
    case 'search':
      return foundBy(request.queries, request.k);
    case 'write':
      index.save(request.path);
      return undefined;
  }
}

async function emptyIndex(): Promise<Index> {
  const { Index, MetricKind, ScalarKind } = await import('usearch');
  return new Index({
    dimensions: dims,
    metric: MetricKind[METRICS[metric].kind],
    quantization: ScalarKind.F16,
    connectivity: 0, // 0: as usearch chooses
    expansion_add: 0,
    expansion_search: 0,
    multi: false,
  });
}

function keysOf({ first, rows }: { first: number; rows: Float32Array }): BigUint64Array {
  return BigUint64Array.from({ length: rows.length / dims }, (_, at) => BigInt(first + at));
}

function foundBy(queries: Float32Array, k: number): GraphFound {
  const count = queries.length / dims;
  const rows = new Uint32Array(count * k);
  const similarities = new Float32Array(count * k);
  const matches = matchesOf(index.search(queries, k, threads), count);
  matches.forEach(({ keys, distances }, query) => {
    rows.set(Array.from(keys, Number), query * k);
    similarities.set(distances.map(METRICS[metric].similarity), query * k);
  });
  return { rows, similarities, counts: Uint32Array.from(matches, ({ keys }) => keys.length) };
}

/** usearch answers several queries in another form than a single one. */
function matchesOf(found: Matches | BatchMatches, count: number): Matches[] {
  if (!('counts' in found)) return [found];
  return Array.from({ length: count }, (_, query) => found.get(query));
}
