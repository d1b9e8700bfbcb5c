import { throwIfAborted } from '../abort.js';
import { MocoError } from '../error.js';
import type { NativeFoundRows, NativeSearch, NativeSearcher } from '../native/searcher.js';

/** The most queries that go through the rows together. */
const QUERIES_AT_ONCE = 256;

/** The most neighbours that are found together, apart from those of a single query. */
const NEIGHBOURS_AT_ONCE = 4_194_304;

/** A search that waits, in whole or in part. */
class Request {
  readonly result: Promise<void>;
  readonly rows: Uint32Array;
  readonly similarities: Float32Array;
  /** Queries that went into a pass through the rows, and those that were answered. */
  taken = 0;
  answered = 0;
  isOver = false;
  #resolve!: () => void;
  #reject!: (error: unknown) => void;

  constructor(
    readonly queries: Float32Array,
    readonly dims: number,
    readonly k: number,
  ) {
    this.rows = new Uint32Array(this.count * k);
    this.similarities = new Float32Array(this.count * k);
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  get count(): number {
    return this.queries.length / this.dims;
  }

  /** The next queries, which go into a pass. */
  take(most: number): Float32Array {
    const first = this.taken;
    this.taken = Math.min(first + most, this.count);
    return this.queries.subarray(first * this.dims, this.taken * this.dims);
  }

  answer(rows: Uint32Array, similarities: Float32Array): void {
    this.rows.set(rows, this.answered * this.k);
    this.similarities.set(similarities, this.answered * this.k);
    this.answered += rows.length / this.k;
    if (this.answered === this.count) this.#resolve();
  }

  fail(error: unknown): void {
    this.isOver = true;
    this.#reject(error);
  }
}

/** The next queries of a request, in a pass through the rows. */
interface Share {
  readonly request: Request;
  readonly queries: Float32Array;
}

/** A pass through the rows. */
interface Pass {
  readonly shares: readonly Share[];
  readonly search: NativeSearch<NativeFoundRows>;
}

/**
 * The searches that wait for an index. Those that ask for as many neighbours go through the rows
 * together, since reading the rows is what takes long; a long one lets others through between its
 * parts. Each can be ended alone.
 */
export class SearchQueue {
  readonly #native: Pick<NativeSearcher, 'search'>;
  readonly #size: number;
  readonly #dims: number;
  #waiting: Request[] = [];
  #pass: Pass | undefined;

  /** @param size number of rows */
  constructor(native: Pick<NativeSearcher, 'search'>, size: number, dims: number) {
    this.#native = native;
    this.#size = size;
    this.#dims = dims;
  }

  /**
   * @param queries any number × dims, at least one, finite; nobody else changes them
   * @param k neighbours of each
   * @throws MocoError `ERR_MOCO_ABORTED` at once after the signal; `ERR_MOCO_DATA` where the file of
   * the rows has changed; `ERR_MOCO_DISPOSED`
   */
  async search(queries: Float32Array, k: number, signal?: AbortSignal): Promise<NativeFoundRows> {
    throwIfAborted(signal, 'the search');
    const request = new Request(queries, this.#dims, Math.min(k, this.#size));
    const abort = () => this.#abort(request, signal?.reason);
    signal?.addEventListener('abort', abort);
    this.#waiting.push(request);
    this.#next();
    try {
      await request.result;
      return { k: request.k, rows: request.rows, similarities: request.similarities };
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  #abort(request: Request, cause: unknown): void {
    this.#waiting = this.#waiting.filter((each) => each !== request);
    request.fail(new MocoError('ERR_MOCO_ABORTED', 'the search was stopped', { cause }));
    if (this.#pass?.shares.every((share) => share.request.isOver)) this.#pass.search.cancel();
  }

  #next(): void {
    const first = this.#waiting[0];
    if (this.#pass !== undefined || first === undefined) return;
    const shares = this.#take(first.k);
    const search = this.#native.search(joined(shares.map(({ queries }) => queries)), first.k);
    this.#pass = { shares, search };
    search.result
      .then(
        (found) => handOut(shares, found),
        (error) => this.#fail(shares, error),
      )
      .finally(() => {
        this.#pass = undefined;
        this.#next();
      });
  }

  /** Takes queries out of those that wait, as many as go together. */
  #take(k: number): Share[] {
    const shares: Share[] = [];
    const left: Request[] = [];
    const begun: Request[] = []; // which wait behind all others for their next part
    let room = Math.min(QUERIES_AT_ONCE, Math.max(1, Math.floor(NEIGHBOURS_AT_ONCE / k)));
    for (const request of this.#waiting) {
      if (request.k !== k || room === 0) {
        left.push(request);
        continue;
      }
      const queries = request.take(room);
      room -= queries.length / this.#dims;
      shares.push({ request, queries });
      if (request.taken < request.count) begun.push(request);
    }
    this.#waiting = [...left, ...begun];
    return shares;
  }

  #fail(shares: readonly Share[], error: unknown): void {
    const failed = new Set(shares.map(({ request }) => request));
    this.#waiting = this.#waiting.filter((request) => !failed.has(request));
    for (const request of failed) if (!request.isOver) request.fail(MocoError.from(error));
  }
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function handOut(shares: readonly Share[], { k, rows, similarities }: NativeFoundRows): void {
  let at = 0;
  for (const { request, queries } of shares) {
    const end = at + (queries.length / request.dims) * k;
    if (!request.isOver) request.answer(rows.subarray(at, end), similarities.subarray(at, end));
    at = end;
  }
}
