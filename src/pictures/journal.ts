import { readFile, rm } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { z } from 'zod';
import { AppendLog } from '../disk/appendLog.js';
import { outputError } from '../disk/outputError.js';
import { hex } from './packedHeader.js';

const count = z.int().min(0);
const channels = z.array(z.number().min(0)).length(3).readonly();

const blockSchema = z.object({
  /** The candidate after the last one of the block. */
  next: count,
  /** Of the block's pixels. */
  crc32: count,
  /** Candidate, hash (hexadecimal digits), format, width and height of each picture. */
  pictures: z.array(z.tuple([count, z.string(), z.string(), count, count])),
  /** Candidates that gave no picture, and why. */
  broken: z.array(z.tuple([count, z.string()])),
  sums: z.object({ pixels: count, sum: channels, squares: channels }),
});

/** What is noted of a block whose pixels are in the partial file. */
export type JournalBlock = z.output<typeof blockSchema>;

/** A line that was written whole begins with its checksum. */
const LINE = /^(?<digits>[0-9a-f]{8}) (?<json>.*)$/;

/**
 * What lies beside a file that is being packed, so that a later process goes on with it: a first line
 * for what is packed, and one for each whole block.
 */
export class Journal {
  readonly #log: AppendLog;

  private constructor(log: AppendLog) {
    this.#log = log;
  }

  /**
   * The blocks that a journal has noted; a line that is not whole ends it.
   * @param key of what is to be packed
   * @returns none where there is no journal, or one of something else
   */
  static async read(path: string, key: string): Promise<NotedBlock[]> {
    const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
      if (cause.code === 'ENOENT') return '';
      throw outputError(path, cause);
    });
    const [first, ...rest] = text.split('\n');
    if (contentOf(first) !== key) return [];
    const blocks: NotedBlock[] = [];
    let end = Buffer.byteLength(`${first}\n`);
    for (const line of rest.slice(0, -1)) {
      const { success, data } = blockSchema.safeParse(contentOf(line));
      if (!success) break;
      end += Buffer.byteLength(line) + 1;
      blocks.push({ block: data, end });
    }
    return blocks;
  }

  /** Begins a journal, in place of one that is there. @throws MocoError `ERR_MOCO_OUTPUT` */
  static async begin(path: string, key: string): Promise<Journal> {
    await rm(path, { force: true });
    const journal = new Journal(await AppendLog.create(path));
    await journal.#append(key);
    return journal;
  }

  /** Goes on with a journal, less what was noted after byte `end`. */
  static async goOn(path: string, end: number): Promise<Journal> {
    return new Journal(await AppendLog.goOn(path, end));
  }

  async note(block: JournalBlock): Promise<void> {
    await this.#append(block);
  }

  async close(): Promise<void> {
    await this.#log.close();
  }

  async #append(content: unknown): Promise<void> {
    const json = JSON.stringify(content);
    await this.#log.append(`${hex(crc32(json))} ${json}\n`);
  }
}

/** A block, and where its line ends in the journal. */
export interface NotedBlock {
  readonly block: JournalBlock;
  readonly end: number;
}

/** What a whole line holds. */
function contentOf(line = ''): unknown {
  const { digits = '', json = '' } = LINE.exec(line)?.groups ?? {};
  return json !== '' && digits === hex(crc32(json)) ? JSON.parse(json) : undefined;
}
