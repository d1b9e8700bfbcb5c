import { type FileHandle, open } from 'node:fs/promises';
import { flushHandle } from './flush.js';
import { outputError } from './outputError.js';

/**
 * A file that only grows. It never ends in the middle of a record: what a failed write left behind
 * is cut off again.
 */
export class AppendLog {
  readonly path: string;
  readonly #file: FileHandle;
  #length: number;
  #closed = false;

  private constructor(path: string, file: FileHandle, length: number) {
    this.path = path;
    this.#file = file;
    this.#length = length;
  }

  /** @throws MocoError `ERR_MOCO_OUTPUT`, also where the file exists already. */
  static async create(path: string): Promise<AppendLog> {
    try {
      return new AppendLog(path, await open(path, 'ax'), 0);
    } catch (cause) {
      throw outputError(path, cause);
    }
  }

  /**
   * Goes on with a file, less what was written after it had `length` bytes. A file that is shorter,
   * or not there, is left as it is.
   * @throws MocoError `ERR_MOCO_OUTPUT`
   */
  static async goOn(path: string, length: number): Promise<AppendLog> {
    try {
      const file = await open(path, 'a');
      const { size } = await file.stat();
      if (size > length) await file.truncate(length);
      return new AppendLog(path, file, Math.min(size, length));
    } catch (cause) {
      throw outputError(path, cause);
    }
  }

  /** Bytes of whole records. */
  get length(): number {
    return this.#length;
  }

  /** Appends whole records. */
  async append(records: string | Uint8Array): Promise<void> {
    const bytes = typeof records === 'string' ? Buffer.from(records) : records;
    try {
      await this.#file.writeFile(bytes);
      this.#length += bytes.length;
    } catch (cause) {
      await this.#file.truncate(this.#length).catch(() => {}); // the write's failure is reported
      throw outputError(this.path, cause);
    }
  }

  /** Returns when all that was appended is on the disk. */
  async flush(): Promise<void> {
    try {
      await flushHandle(this.#file);
    } catch (cause) {
      throw outputError(this.path, cause);
    }
  }

  /** Can be called more than once. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    try {
      await this.#file.close();
    } catch (cause) {
      throw outputError(this.path, cause);
    }
  }
}
