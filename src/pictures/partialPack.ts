import { constants } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import { flush, flushHandle } from '../disk/flush.js';
import { outputError } from '../disk/outputError.js';
import { Journal, type JournalBlock, type NotedBlock } from './journal.js';
import { byName } from './names.js';
import { type PackedTensor, packedHeader, reservedBytes } from './packedHeader.js';
import { blockOf, type PackedMeta, pictureBytes } from './packedMeta.js';
import type { BrokenFile, PictureSource, StoredPicture, Unreadable } from './source.js';
import { addSums, channelSums, meanAndStd, NO_SUMS, Tally } from './tally.js';

/** A file is made where there is none, and one that is there stays as it is. */
const READ_AND_WRITE = constants.O_RDWR | constants.O_CREAT;

/** What the header says of the file that only its maker knows. */
type Making = Omit<
  PackedMeta,
  'storedSize' | 'block' | 'mean' | 'std' | 'formats' | 'listing' | 'sources' | 'notices'
>;

/**
 * A packed file in the making: beside its final path lie what is written of it (`.part`) and a journal
 * of its whole blocks (`.part.jsonl`), from which a later process goes on. The final file appears by
 * a rename, whole.
 */
export class PartialPack implements AsyncDisposable {
  readonly #target: string;
  readonly #source: PictureSource;
  readonly #file: FileHandle;
  readonly #reserved: number;
  readonly #block: number;
  readonly #bytes: number;
  readonly #tally: Tally;
  readonly #checksums: number[] = [];
  readonly #broken: BrokenFile[];
  /** Pixels of the block that is being filled. */
  readonly #pixels: Buffer;
  #pending: JournalBlock['pictures'] = [];
  #pendingBroken: JournalBlock['broken'] = [];
  #journal: Journal | undefined;
  #pixelsCrc = 0;
  #sums = NO_SUMS;
  #next = 0;

  private constructor(target: string, source: PictureSource, file: FileHandle) {
    this.#target = target;
    this.#source = source;
    this.#file = file;
    this.#reserved = reservedBytes(source.places);
    this.#block = blockOf(source.side);
    this.#bytes = pictureBytes(source.side);
    this.#tally = new Tally(source);
    this.#broken = [...source.broken];
    this.#pixels = Buffer.allocUnsafeSlow(this.#block * this.#bytes);
  }

  /**
   * Begins a file, or goes on after the last block that an earlier process has written whole, where
   * that one packed the same.
   * @throws MocoError `ERR_MOCO_OUTPUT`
   */
  static async open(target: string, source: PictureSource): Promise<PartialPack> {
    const { part, journal } = partialPaths(target);
    const key = JSON.stringify([source.fingerprint, source.side, source.places]);
    const noted = await Journal.read(journal, key);
    const file = await open(part, READ_AND_WRITE).catch((cause: unknown) =>
      Promise.reject(outputError(part, cause)),
    );
    try {
      const pack = new PartialPack(target, source, file);
      const end = await pack.#takeOver(noted);
      pack.#journal =
        end === 0 ? await Journal.begin(journal, key) : await Journal.goOn(journal, end);
      return pack;
    } catch (cause) {
      await file.close();
      throw outputError(part, cause);
    }
  }

  /** The candidate to go on with. */
  get next(): number {
    return this.#next;
  }

  /** Number of pictures so far. */
  get count(): number {
    return this.#tally.count;
  }

  /** What gave no picture, so far. */
  get broken(): readonly BrokenFile[] {
    return this.#broken;
  }

  /** Takes what reading the candidate `next` gave. @throws MocoError `ERR_MOCO_OUTPUT` */
  async add(read: StoredPicture | Unreadable): Promise<void> {
    const candidate = this.#next++;
    if ('reason' in read) {
      this.#addBroken([candidate, read.reason]);
      this.#pendingBroken.push([candidate, read.reason]);
      return;
    }
    const { pixels, hash, format, width, height } = read;
    this.#pixels.set(pixels, this.#pending.length * this.#bytes);
    this.#pending.push([candidate, Buffer.from(hash).toString('hex'), format, width, height]);
    this.#tally.add(candidate, read);
    if (this.#pending.length === this.#block) await this.#endBlock();
  }

  /**
   * Writes what is left, and puts the whole file into its place.
   * @param making what the header says beside what is known here
   * @throws MocoError `ERR_MOCO_OUTPUT`
   */
  async finish(making: Making): Promise<void> {
    const { part, journal } = partialPaths(this.#target);
    try {
      if (this.#pending.length > 0) await this.#endBlock();
      const tensors = await this.#writeTensors();
      const header = packedHeader(tensors, this.#meta(making), this.#reserved);
      await writeAll(this.#file, header, 0);
      await flushHandle(this.#file);
      await rename(part, this.#target);
      await flush(dirname(this.#target));
      await rm(journal, { force: true });
    } catch (cause) {
      throw outputError(this.#target, cause);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#journal?.close();
    await this.#file.close();
  }

  /**
   * Takes the blocks over that were noted, as far as their bytes are as they were noted.
   * @returns where the line of the last one ends in the journal; 0 where there is none
   */
  async #takeOver(noted: readonly NotedBlock[]): Promise<number> {
    let end = 0;
    for (const { block, end: lineEnd } of noted) {
      const pixels = this.#pixels.subarray(0, block.pictures.length * this.#bytes);
      const at = this.#reserved + this.#tally.count * this.#bytes;
      if (!(await readAll(this.#file, pixels, at)) || crc32(pixels) !== block.crc32) break;
      for (const [candidate, hash, format, width, height] of block.pictures) {
        this.#tally.add(candidate, { hash: Buffer.from(hash, 'hex'), format, width, height });
      }
      for (const broken of block.broken) this.#addBroken(broken);
      this.#noteDone(pixels, block);
      end = lineEnd;
    }
    return end;
  }

  #addBroken([candidate, reason]: JournalBlock['broken'][number]): void {
    this.#broken.push({ name: this.#source.name(candidate), reason });
  }

  async #endBlock(): Promise<void> {
    const pixels = this.#pixels.subarray(0, this.#pending.length * this.#bytes);
    const first = this.#tally.count - this.#pending.length;
    const splits = this.#tally.splits.subarray(first);
    const block: JournalBlock = {
      next: this.#next,
      crc32: crc32(pixels),
      pictures: this.#pending,
      broken: this.#pendingBroken,
      sums: channelSums(pixels, this.#bytes, splits),
    };
    try {
      await writeAll(this.#file, pixels, this.#reserved + first * this.#bytes);
    } catch (cause) {
      throw outputError(this.#target, cause);
    }
    await this.#journal?.note(block);
    this.#noteDone(pixels, block);
    this.#pending = [];
    this.#pendingBroken = [];
  }

  #noteDone(pixels: Buffer, { next, crc32: checksum, sums }: JournalBlock): void {
    this.#next = next;
    this.#checksums.push(checksum);
    this.#pixelsCrc = crc32(pixels, this.#pixelsCrc);
    this.#sums = addSums(this.#sums, sums);
  }

  /** Writes all tensors behind the pixels. */
  async #writeTensors(): Promise<PackedTensor[]> {
    const { side } = this.#source;
    const { count, hashes, sizes, labels, splits } = this.#tally;
    const pixelBytes = count * this.#bytes;
    const tensors: PackedTensor[] = [
      {
        ...{ name: 'pixels', dtype: 'U8', shape: [count, side, side, 3] },
        ...{ bytes: pixelBytes, crc32: this.#pixelsCrc },
      },
    ];
    let at = this.#reserved + pixelBytes;
    const put = async (
      name: string,
      dtype: PackedTensor['dtype'],
      array: Small,
      shape?: number[],
    ) => {
      const bytes = Buffer.from(array.buffer, array.byteOffset, array.byteLength);
      await writeAll(this.#file, bytes, at);
      at += bytes.length;
      const ownShape = shape ?? [array.length];
      tensors.push({ name, dtype, shape: ownShape, bytes: bytes.length, crc32: crc32(bytes) });
    };
    // Readers expect numbers of four bytes at such places.
    if (at % 4 !== 0) await put('padding', 'U8', new Uint8Array(4 - (at % 4)));
    await put('checksums', 'U32', Uint32Array.from(this.#checksums));
    await put('labels', 'I32', labels);
    await put('sizes', 'I32', sizes, [count, 2]);
    await put('split', 'U8', splits);
    await put('hashes', 'U8', hashes, [count, hashes.length / count]);
    await put('names', 'U8', jsonBytes(this.#tally.names()));
    await put('broken', 'U8', jsonBytes(byName(this.#broken)));
    await put('classes', 'U8', jsonBytes(this.#source.classes));
    await this.#file.truncate(at);
    return tensors;
  }

  #meta(making: Making): PackedMeta {
    return {
      ...making,
      storedSize: this.#source.side,
      block: this.#block,
      ...meanAndStd(this.#sums),
      formats: Object.fromEntries(this.#tally.formats),
      listing: this.#source.fingerprint,
      sources: [...this.#source.places],
      notices: [...this.#source.notices],
    };
  }
}

type Small = Uint8Array | Int32Array | Uint32Array;

/** What lies beside a packed file while it is made. */
export function partialPaths(target: string): { readonly part: string; readonly journal: string } {
  return { part: `${target}.part`, journal: `${target}.part.jsonl` };
}

function jsonBytes(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

/** @returns whether the file has so many bytes there */
async function readAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<boolean> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesRead } = await file.read(bytes, done, bytes.length - done, position + done);
    if (bytesRead === 0) return false;
    done += bytesRead;
  }
  return true;
}
