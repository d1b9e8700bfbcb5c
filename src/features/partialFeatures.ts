import { constants } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import { flush, flushHandle } from '../disk/flush.js';
import { Journal, type NotedBlock } from '../disk/journal.js';
import { outputError } from '../disk/outputError.js';
import { partialPaths } from '../disk/partialPaths.js';
import { readAll, writeAll } from '../disk/positioned.js';
import { type FeatureBlock, featureBlockSchema, type Rows } from './featureBlock.js';
import type { WrittenRows } from './featureFormat.js';

/** A file is made where there is none, and one that is there stays as it is. */
const READ_AND_WRITE = constants.O_RDWR | constants.O_CREAT;

/** What a partial file is of. */
export interface PartialRequest {
  /** The file that it is for. */
  readonly target: string;
  /** Changes with everything that the rows depend on. */
  readonly key: string;
  /** Bytes in front of the first row. */
  readonly reserved: number;
  readonly rowBytes: number;
  /** Is called before anything is written, and throws where another process does so. */
  readonly requireMine: () => void;
}

/**
 * Rows of features in the making: beside the path of the final file lie the rows that there are
 * (`.part`), and a journal of their blocks (`.part.jsonl`), from which a later process goes on.
 * Candidates are numbered; each gives a row, in their order, or is broken.
 */
export class PartialFeatures implements WrittenRows, AsyncDisposable {
  readonly #request: PartialRequest;
  readonly #broken: [candidate: number, reason: string][] = [];
  #journal: Journal<FeatureBlock> | undefined;
  #next = 0;
  #count = 0;
  #crc32 = 0;

  private constructor(
    request: PartialRequest,
    readonly file: FileHandle,
    /** Whether rows of something else were there, which this begins in place of. */
    readonly replacesOther: boolean,
  ) {
    this.#request = request;
  }

  /**
   * Begins a file, or goes on after the last block that an earlier process has written whole, where
   * that one made the same.
   * @throws MocoError `ERR_MOCO_OUTPUT`
   */
  static async open(request: PartialRequest): Promise<PartialFeatures> {
    const { target, key } = request;
    const paths = partialPaths(target);
    const noted = await Journal.read(paths.journal, key, featureBlockSchema);
    const file = await open(paths.part, READ_AND_WRITE).catch((cause: unknown) =>
      Promise.reject(outputError(paths.part, cause)),
    );
    const partial = new PartialFeatures(request, file, noted === undefined);
    try {
      const end = await partial.#takeOver(noted ?? []);
      partial.#journal =
        end === 0
          ? await Journal.begin(paths.journal, key)
          : await Journal.goOn(paths.journal, end);
      return partial;
    } catch (cause) {
      await file.close();
      throw outputError(paths.part, cause);
    }
  }

  /** The candidate to go on with. */
  get next(): number {
    return this.#next;
  }

  /** Number of rows. */
  get count(): number {
    return this.#count;
  }

  /** CRC-32 of all rows. */
  get crc32(): number {
    return this.#crc32;
  }

  /** Candidates that gave no row, in order. */
  get broken(): readonly (readonly [candidate: number, reason: string])[] {
    return this.#broken;
  }

  /** The candidates that gave a row, in order. */
  *candidates(): Generator<number, void> {
    let at = 0;
    for (let candidate = 0; candidate < this.#next; candidate++) {
      if (this.#broken[at]?.[0] === candidate) at += 1;
      else yield candidate;
    }
  }

  /** Adds what the candidates from `next` on gave. @throws MocoError `ERR_MOCO_OUTPUT` */
  async add({ next, bytes, broken }: Rows): Promise<void> {
    const { target, requireMine, rowBytes } = this.#request;
    const block = { next, rows: bytes.length / rowBytes, crc32: crc32(bytes), broken: [...broken] };
    try {
      requireMine();
      await writeAll(this.file, bytes, this.#end);
    } catch (cause) {
      throw outputError(target, cause);
    }
    await this.#journal?.note(block);
    this.#noteDone(bytes, block);
  }

  async *read(about = 2 ** 20): AsyncGenerator<Uint8Array, void> {
    const { target, reserved, rowBytes } = this.#request;
    const rows = Math.ceil(about / rowBytes);
    for (let row = 0; row < this.#count; row += rows) {
      const bytes = Buffer.allocUnsafeSlow(Math.min(rows, this.#count - row) * rowBytes);
      const length = await readAll(this.file, bytes, reserved + row * rowBytes);
      if (length < bytes.length) throw new Error(`${partialPaths(target).part} ends too early`);
      yield bytes;
    }
  }

  /** Puts the partial file, which is whole now, into the place of the final one. */
  async become(): Promise<void> {
    const { target, requireMine } = this.#request;
    requireMine();
    await flushHandle(this.file);
    await rename(partialPaths(target).part, target);
    await flush(dirname(target));
  }

  /** Removes what is left, since the final file is there. */
  async remove(): Promise<void> {
    const { part, journal } = partialPaths(this.#request.target);
    await rm(part, { force: true });
    await rm(journal, { force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#journal?.close();
    await this.file.close();
  }

  /** Where the next row begins in the file. */
  get #end(): number {
    const { reserved, rowBytes } = this.#request;
    return reserved + this.#count * rowBytes;
  }

  /**
   * Takes the blocks over that were noted, as far as their bytes are as they were noted.
   * @returns where the line of the last one ends in the journal; 0 where there is none
   */
  async #takeOver(noted: readonly NotedBlock<FeatureBlock>[]): Promise<number> {
    let end = 0;
    for (const { block, end: lineEnd } of noted) {
      const bytes = Buffer.allocUnsafe(block.rows * this.#request.rowBytes);
      const length = await readAll(this.file, bytes, this.#end);
      if (length < bytes.length || crc32(bytes) !== block.crc32) break;
      this.#noteDone(bytes, block);
      end = lineEnd;
    }
    return end;
  }

  #noteDone(bytes: Uint8Array, { next, rows, broken }: FeatureBlock): void {
    this.#next = next;
    this.#count += rows;
    this.#crc32 = crc32(bytes, this.#crc32);
    this.#broken.push(...broken);
  }
}
