import { randomBytes } from 'node:crypto';
import { readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { throwIfAborted } from '../abort.js';
import { outputError } from '../disk/outputError.js';
import { MocoError } from '../error.js';
import type { GraphAnswer, GraphFound, GraphRequest } from './graphMessages.js';
import type { Metric } from './indexOptions.js';

/** Rows that are added at a time: so few that a thread that is ended ends soon. */
const ADDED_AT_ONCE = 64;

interface Open {
  resolve(answer: GraphAnswer & { size: number }): void;
  reject(error: unknown): void;
}

/** Reads rows of an index as fp32. */
export type ReadRows = (first: number, count: number) => Promise<Float32Array>;

/**
 * A graph of neighbours (HNSW) by usearch, in a thread of its own, which ends with the graph. It does not
 * keep the process alive while it has nothing to do.
 */
export class NeighbourGraph {
  readonly #worker: Worker;
  readonly #open = new Map<number, Open>();
  #next = 0;
  #ended: MocoError | undefined;

  private constructor(threads: number) {
    this.#worker = new Worker(new URL('./graphThread.js', import.meta.url), {
      workerData: { threads },
    });
    this.#worker.unref();
    this.#worker.on('message', (answer: GraphAnswer) => this.#settle(answer));
    this.#worker.on('error', (cause) => this.#end(failed(cause.message)));
    this.#worker.on('exit', () => this.#end(disposed()));
  }

  /**
   * The graph of an index's rows: the one that was saved with them, else a new one.
   * @param saved where it may be
   * @throws MocoError `ERR_MOCO_CONFIG` where usearch is not installed; what `read` throws;
   * `ERR_MOCO_ABORTED`
   */
  static async of(
    rows: { readonly size: number; readonly dims: number; readonly metric: Metric },
    read: ReadRows,
    options: {
      readonly threads: number;
      readonly saved?: string | undefined;
      readonly signal?: AbortSignal | undefined;
    },
  ): Promise<NeighbourGraph> {
    const { size, dims, metric } = rows;
    const graph = new NeighbourGraph(options.threads);
    try {
      await graph.#ask({ type: 'open', dims, metric });
      if (options.saved !== undefined) {
        const { size: found } = await graph.#ask({ type: 'read', path: options.saved });
        if (found === size) return graph;
        throw failed(`${options.saved} has ${found} vectors, and the index ${size}`);
      }
      for (let first = 0; first < size; first += ADDED_AT_ONCE) {
        throwIfAborted(options.signal, 'making the index');
        const some = await read(first, Math.min(ADDED_AT_ONCE, size - first));
        await graph.#ask({ type: 'add', first, rows: some });
      }
      return graph;
    } catch (error) {
      await graph.dispose();
      throw error;
    }
  }

  /** @throws MocoError `ERR_MOCO_DISPOSED` */
  async search(queries: Float32Array, k: number): Promise<GraphFound> {
    const { found } = (await this.#ask({ type: 'search', queries, k })) as { found: GraphFound };
    return found;
  }

  /**
   * Writes the graph beside its features, and removes those of features that were there before.
   * @throws MocoError `ERR_MOCO_OUTPUT`, `ERR_MOCO_DISPOSED`
   */
  async save(features: string, checksum: number): Promise<void> {
    const path = graphPath(features, checksum);
    const temporary = `${path}.${randomBytes(4).toString('hex')}.tmp`;
    try {
      await this.#ask({ type: 'write', path: temporary });
      await rename(temporary, path);
      const folder = dirname(features);
      const others = (await readdir(folder)).filter(
        (name) => isGraphOf(features, name) && name !== basename(path),
      );
      for (const name of others) await rm(join(folder, name), { force: true });
    } catch (cause) {
      await rm(temporary, { force: true });
      throw outputError(path, cause);
    }
  }

  async dispose(): Promise<void> {
    await this.#worker.terminate();
  }

  async #ask(request: GraphRequest) {
    if (this.#ended !== undefined) throw this.#ended;
    const number = this.#next++;
    return await new Promise<Parameters<Open['resolve']>[0]>((resolve, reject) => {
      this.#open.set(number, { resolve, reject });
      this.#worker.ref();
      this.#worker.postMessage({ number, request });
    });
  }

  #settle(answer: GraphAnswer): void {
    const open = this.#open.get(answer.number);
    this.#open.delete(answer.number);
    if (this.#open.size === 0) this.#worker.unref();
    if ('size' in answer) open?.resolve(answer);
    else open?.reject(answer.isMissing ? missing() : failed(answer.failure));
  }

  #end(error: MocoError): void {
    this.#ended ??= error;
    for (const { reject } of this.#open.values()) reject(this.#ended);
    this.#open.clear();
  }
}

/** Where the graph of a feature file lies: its name tells whether it is of these features. */
export function graphPath(features: string, checksum: number): string {
  return `${features}.${checksum.toString(16).padStart(8, '0')}.usearch`;
}

function isGraphOf(features: string, name: string): boolean {
  const [prefix, suffix] = [`${basename(features)}.`, '.usearch'];
  return (
    name.startsWith(prefix) &&
    name.endsWith(suffix) &&
    /^[0-9a-f]{8}$/.test(name.slice(prefix.length, -suffix.length))
  );
}

function missing(): MocoError {
  const message = 'an approximate index is made by usearch, which is not installed';
  return new MocoError('ERR_MOCO_CONFIG', message, {
    hint: 'Install it beside moco: npm install usearch. Or leave approximate out.',
  });
}

function failed(reason: string): MocoError {
  return new MocoError('ERR_MOCO_DATA', `usearch: ${reason}`, {
    hint: 'Remove the .usearch file beside the features, and load them again.',
  });
}

function disposed(): MocoError {
  const hint = 'Make a new one.';
  return new MocoError('ERR_MOCO_DISPOSED', 'this was disposed of', { hint });
}
