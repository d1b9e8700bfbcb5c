import { throwIfAborted } from '../abort.js';
import * as check from '../arguments/check.js';
import { absolute } from '../arguments/paths.js';
import { MocoError } from '../error.js';
import { readFeatureFile } from '../features/featureFile.js';
import type { FeatureMeta } from '../features/featureMeta.js';
import type { NativeSearcher } from '../native/searcher.js';
import { version } from '../version.js';
import { graphFor, saveGraph, searchGraph } from './approximate.js';
import { type Duplicates, findPairs } from './duplicates.js';
import type { NeighbourGraph } from './graph.js';
import {
  BUILD_ARGUMENTS,
  type BuildOptions,
  DUPLICATE_ARGUMENTS,
  type DuplicateOptions,
  LOAD_ARGUMENTS,
  type LoadOptions,
  type Metric,
  QUERY_ARGUMENTS,
  type QueryOptions,
} from './indexOptions.js';
import type { FoundNeighbours, IndexContent, IndexDescription } from './indexTypes.js';
import { searcherIn, searcherOf } from './makeSearcher.js';
import { copiedQueries, requireComparable } from './queries.js';
import { saveIndex } from './saveIndex.js';
import { SearchQueue } from './searchQueue.js';

/**
 * Finds the vectors that are most similar to others: exactly, by comparing with all of them, natively
 * and on all cores.
 *
 * Results depend on nothing but the vectors, the query and the metric, to the last bit: of equally
 * similar vectors, the one of the lower row comes first. A vector that is zero has the cosine 0 to all.
 */
export class NeighbourIndex implements AsyncDisposable {
  readonly description: IndexDescription;
  readonly #native: NativeSearcher;
  readonly #queue: SearchQueue;
  readonly #graph: NeighbourGraph | undefined;
  readonly #content: IndexContent;

  /** @internal `build` and `load` make indexes. */
  constructor(
    native: NativeSearcher,
    rows: Pick<IndexDescription, 'dims' | 'metric' | 'dtype' | 'path'>,
    content: IndexContent,
    graph: NeighbourGraph | undefined,
  ) {
    const size = content.ids.length;
    this.#graph = graph;
    this.#native = native;
    this.#content = content;
    this.#queue = new SearchQueue(native, size, rows.dims);
    const approximate = graph !== undefined;
    this.description = { size, ...rows, approximate, ...native.description };
  }

  /**
   * Makes an index of vectors, which are copied: they may be changed afterwards, and not before.
   * @param data count × dims
   * @throws MocoError `ERR_MOCO_CONFIG` for wrong arguments, `ERR_MOCO_NON_FINITE` for a vector with a
   * number that is not finite or larger than 10¹⁸, `ERR_MOCO_OUT_OF_MEMORY`, `ERR_MOCO_DEVICE` where
   * the processor cannot have the first pass that is asked for, `ERR_MOCO_NATIVE_MISSING` …;
   * `ERR_MOCO_ABORTED` after the signal
   */
  static async build(data: Float32Array, options: BuildOptions): Promise<NeighbourIndex> {
    check.requireArguments('NeighbourIndex.build', BUILD_ARGUMENTS, { data, options });
    throwIfAborted(options.signal, 'making the index');
    const { dims, metric = 'cosine', labels, classes } = options;
    const size = requireRows(data, options);
    const ids = options.ids ?? Array.from({ length: size }, (_, row) => `${row}`);
    const native = await searcherOf(data, dims, metric, options);
    const meta = { version: 1, mocoVersion: version, normalized: false, metric } as const;
    const content = { ids: [...ids], labels: labels?.slice(), classes, broken: [], meta };
    const rows = { dims, metric, dtype: 'F32', path: undefined } as const;
    const graph = await graphFor(native, { size, ...rows }, options);
    return new NeighbourIndex(native, rows, content, graph);
  }

  /**
   * Loads the features that `moco embed`, or `save`, has written. They stay in the file, which is
   * mapped into memory and may be larger than that.
   *
   * Whoever cuts the file in place while it is searched ends the process; one that was changed between
   * two searches is an error. moco itself replaces files by a rename, which an open index does not see.
   * Of a damaged file, all is found but damage to the features themselves, which takes `verify`.
   * @throws MocoError `ERR_MOCO_DATA` for a file that cannot be read, is none or is damaged; and as
   * `build`
   */
  static async load(path: string, options: LoadOptions = {}): Promise<NeighbourIndex> {
    check.requireArguments('NeighbourIndex.load', LOAD_ARGUMENTS, { path, options });
    throwIfAborted(options.signal, 'making the index');
    const file = await readFeatureFile(absolute(path));
    const { dims, dtype, ids, labels, classes, broken, meta } = file;
    const metric = options.metric ?? meta.metric ?? 'cosine';
    const native = await searcherIn(file, metric, options);
    const content = { ids, labels, classes, broken, meta };
    const rows = { dims, metric, dtype, path: file.path };
    const graph = await graphFor(native, { size: file.count, ...rows }, options, file);
    return new NeighbourIndex(native, rows, content, graph);
  }

  get size(): number {
    return this.description.size;
  }

  get dims(): number {
    return this.description.dims;
  }

  get metric(): Metric {
    return this.description.metric;
  }

  /** What each row is of. */
  get ids(): readonly string[] {
    return this.#content.ids;
  }

  /** How the features were made, as their file says. */
  get meta(): FeatureMeta {
    return this.#content.meta;
  }

  /** The name of a row's class; undefined where it has none. */
  labelOf(row: number): string | undefined {
    const { labels, classes } = this.#content;
    return classes?.[labels?.[row] ?? -1];
  }

  /**
   * Finds the vectors that are most similar to each query. Searches that wait at the same time go
   * through the vectors together; none waits for a longer one to end.
   * @param query one vector, or several, one after the other; copied at the call
   * @throws MocoError `ERR_MOCO_CONFIG` for a query of another length, `ERR_MOCO_NON_FINITE` for one
   * with a number that is not finite or too large, `ERR_MOCO_DATA` where the index's file was changed,
   * `ERR_MOCO_DISPOSED`; `ERR_MOCO_ABORTED` at once after the signal
   */
  async search(query: Float32Array, options: QueryOptions = {}): Promise<FoundNeighbours> {
    check.requireArguments('NeighbourIndex.search', QUERY_ARGUMENTS, { query, options });
    const { k = 10, signal } = options;
    throwIfAborted(signal, 'the search');
    const queries = copiedQueries(query, this.dims);
    await requireComparable(queries, this.dims, signal);
    const found = await this.#found(queries, k, signal);
    const ids = Array.from(found.rows, (row) => this.#content.ids[row] as string);
    return { k: found.k, ids, rows: found.rows, similarities: found.similarities };
  }

  async #found(queries: Float32Array, k: number, signal: AbortSignal | undefined) {
    const asked = { dims: this.dims, k: Math.min(k, this.size) };
    const found = this.#graph && (await searchGraph(this.#graph, queries, asked, signal));
    return found ?? (await this.#queue.search(queries, k, signal));
  }

  /**
   * Finds all pairs of vectors that are at least so similar, and the groups that they make. Takes time
   * with the square of the index's size, and lets searches through between its parts.
   * @throws MocoError `ERR_MOCO_CONFIG` for a threshold that is no similarity; and as `search`
   */
  async duplicates(options: DuplicateOptions): Promise<Duplicates> {
    check.requireArguments('NeighbourIndex.duplicates', DUPLICATE_ARGUMENTS, { options });
    return await findPairs(this.#native, this.#content.ids, this.metric, options);
  }

  /**
   * Writes the index as a feature file, which appears whole; also onto the one that it was loaded from.
   * @throws MocoError `ERR_MOCO_OUTPUT` where it cannot be written; `ERR_MOCO_DATA`,
   * `ERR_MOCO_DISPOSED`
   */
  async save(path: string): Promise<void> {
    check.requireArguments('NeighbourIndex.save', { path: check.path }, { path });
    await saveIndex(absolute(path), this.#native, this.description, this.#content);
    if (this.#graph) await saveGraph(this.#graph, absolute(path));
  }

  /** Ends what runs and frees the memory. Can be called more than once. */
  async dispose(): Promise<void> {
    await this.#graph?.dispose();
    await this.#native.dispose();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }
}

/** @returns the number of vectors */
function requireRows(
  data: Float32Array,
  { dims, ids, labels, classes }: Pick<BuildOptions, 'dims' | 'ids' | 'labels' | 'classes'>,
): number {
  const size = data.length / dims;
  const wrong = (message: string, hint: string) =>
    new MocoError('ERR_MOCO_CONFIG', message, { hint });
  if (size === 0 || !Number.isInteger(size)) {
    const message = `data: ${data.length} numbers are no whole number of vectors of ${dims}`;
    throw wrong(message, 'Give at least one vector, and their length as dims.');
  }
  for (const [name, list] of [['ids', ids] as const, ['labels', labels] as const]) {
    if (list === undefined || list.length === size) continue;
    throw wrong(`${name}: ${list.length} for ${size} vectors`, 'Give one for each vector.');
  }
  const unknown = labels?.find((label) => label < -1 || label >= (classes?.length ?? 0));
  if (unknown === undefined) return size;
  throw wrong(`labels: ${unknown} is no index into classes`, 'Give −1 where there is no class.');
}
