import { readFile, rm } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import type { z } from 'zod';
import { AppendLog } from './appendLog.js';
import { checksumDigits } from './checksumDigits.js';
import { outputError } from './outputError.js';

/** A line that was written whole begins with its checksum. */
const LINE = /^(?<digits>[0-9a-f]{8}) (?<json>.*)$/;

/** A block, and where its line ends in the journal. */
export interface NotedBlock<Block> {
  readonly block: Block;
  readonly end: number;
}

/**
 * What lies beside a file that is written block by block, so that a later process goes on with it: a
 * first line for what the file is made of, and one for each whole block.
 */
export class Journal<Block> {
  readonly #log: AppendLog;

  private constructor(log: AppendLog) {
    this.#log = log;
  }

  /**
   * The blocks that a journal has noted; a line that is not whole ends it.
   * @param key of what the file is to be made of
   * @returns none where there is no journal; undefined where there is one of something else
   * @throws MocoError `ERR_MOCO_OUTPUT`
   */
  static async read<Schema extends z.ZodType>(
    path: string,
    key: string,
    schema: Schema,
  ): Promise<NotedBlock<z.output<Schema>>[] | undefined> {
    const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
      if (cause.code === 'ENOENT') return '';
      throw outputError(path, cause);
    });
    const [first, ...rest] = text.split('\n');
    const found = contentOf(first);
    if (found !== key) return found === undefined ? [] : undefined;
    const blocks: NotedBlock<z.output<Schema>>[] = [];
    let end = Buffer.byteLength(`${first}\n`);
    for (const line of rest.slice(0, -1)) {
      const { success, data } = schema.safeParse(contentOf(line));
      if (!success) break;
      end += Buffer.byteLength(line) + 1;
      blocks.push({ block: data, end });
    }
    return blocks;
  }

  /** Begins a journal, in place of one that is there. @throws MocoError `ERR_MOCO_OUTPUT` */
  static async begin<Block>(path: string, key: string): Promise<Journal<Block>> {
    await rm(path, { force: true });
    const journal = new Journal<Block>(await AppendLog.create(path));
    await journal.#append(key);
    return journal;
  }

  /** Goes on with a journal, less what was noted after byte `end`. */
  static async goOn<Block>(path: string, end: number): Promise<Journal<Block>> {
    return new Journal(await AppendLog.goOn(path, end));
  }

  async note(block: Block): Promise<void> {
    await this.#append(block);
  }

  async close(): Promise<void> {
    await this.#log.close();
  }

  async #append(content: unknown): Promise<void> {
    const json = JSON.stringify(content);
    await this.#log.append(`${checksumDigits(crc32(json))} ${json}\n`);
  }
}

/** What a whole line holds. */
function contentOf(line = ''): unknown {
  const { digits = '', json = '' } = LINE.exec(line)?.groups ?? {};
  return json !== '' && digits === checksumDigits(crc32(json)) ? JSON.parse(json) : undefined;
}
