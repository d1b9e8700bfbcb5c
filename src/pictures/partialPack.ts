import { constants } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import { flush, flushHandle } from '../disk/flush.js';
import { Journal, type NotedBlock } from '../disk/journal.js';
import { outputError } from '../disk/outputError.js';
import { partialPaths } from '../disk/partialPaths.js';
import { readAll, writeAll } from '../disk/positioned.js';
import { mocoHeader, reservedBytes } from '../formats/mocoHeader.js';
import { writeTensors } from '../formats/writeTensors.js';
import { byName } from './names.js';
import { type PackBlock, packBlockSchema } from './packBlock.js';
import {
  blockOf,
  PACKED_FORMAT,
  PACKED_VERSION,
  type PackedMeta,
  pictureBytes,
} from './packedMeta.js';
import { packedTensors } from './packedTensors.js';
import type { BrokenFile, PictureSource, StoredPicture, Unreadable } from './source.js';
import { addSums, channelSums, meanAndStd, NO_SUMS, Tally } from './tally.js';

/** A file is made where there is none, and one that is there stays as it is. */
const READ_AND_WRITE = constants.O_RDWR | constants.O_CREAT;

/** What the header says that neither the source nor the pictures tell. */
type Making = Pick<PackedMeta, 'version' | 'fit' | 'moco' | 'sharp'>;

/**
 * A packed file in the making: beside its final path lie what is written of it (`.part`) and a journal
 * of its whole blocks (`.part.jsonl`), from which a later process goes on. The final file appears by
 * a rename, whole.
 */
export class PartialPack implements AsyncDisposable {
  readonly #requireMine: () => void;
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
  #pending: PackBlock['pictures'] = [];
  #pendingBroken: PackBlock['broken'] = [];
  #journal: Journal<PackBlock> | undefined;
  #pixelsCrc = 0;
  #sums = NO_SUMS;
  #next = 0;

  private constructor(
    target: string,
    source: PictureSource,
    file: FileHandle,
    requireMine: () => void,
  ) {
    this.#requireMine = requireMine;
    this.#target = target;
    this.#source = source;
    this.#file = file;
    this.#reserved = reservedBytes(JSON.stringify(source.places));
    this.#block = blockOf(source.side);
    this.#bytes = pictureBytes(source.side);
    this.#tally = new Tally(source);
    this.#broken = [...source.broken];
    this.#pixels = Buffer.allocUnsafeSlow(this.#block * this.#bytes);
  }

  /**
   * Begins a file, or goes on after the last block that an earlier process has written whole, where
   * that one packed the same.
   * @param requireMine is called before anything is written, and throws where another process does so
   * @throws MocoError `ERR_MOCO_OUTPUT`
   */
  static async open(
    target: string,
    source: PictureSource,
    requireMine: () => void,
  ): Promise<PartialPack> {
    const { part, journal } = partialPaths(target);
    const { fingerprint, side, places } = source;
    const made = [PACKED_VERSION, fingerprint, side, places];
    const key = JSON.stringify(made);
    const noted = (await Journal.read(journal, key, packBlockSchema)) ?? [];
    const file = await open(part, READ_AND_WRITE).catch((cause: unknown) =>
      Promise.reject(outputError(part, cause)),
    );
    try {
      const pack = new PartialPack(target, source, file, requireMine);
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
      this.#requireMine();
      const pixels = { side: this.#source.side, crc32: this.#pixelsCrc, blocks: this.#checksums };
      const lists = { broken: byName(this.#broken), classes: this.#source.classes };
      const tensors = packedTensors(pixels, this.#tally, lists, this.#reserved);
      await writeTensors(this.#file, tensors, this.#reserved);
      const texts = { format: PACKED_FORMAT, made: JSON.stringify(this.#meta(making)) };
      await writeAll(this.#file, mocoHeader(tensors, texts, this.#reserved), 0);
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
  async #takeOver(noted: readonly NotedBlock<PackBlock>[]): Promise<number> {
    let end = 0;
    for (const { block, end: lineEnd } of noted) {
      const pixels = this.#pixels.subarray(0, block.pictures.length * this.#bytes);
      const at = this.#reserved + this.#tally.count * this.#bytes;
      const length = await readAll(this.#file, pixels, at);
      if (length < pixels.length || crc32(pixels) !== block.crc32) break;
      for (const [candidate, hash, format, width, height] of block.pictures) {
        this.#tally.add(candidate, { hash: Buffer.from(hash, 'hex'), format, width, height });
      }
      for (const broken of block.broken) this.#addBroken(broken);
      this.#noteDone(pixels, block);
      end = lineEnd;
    }
    return end;
  }

  #addBroken([candidate, reason]: PackBlock['broken'][number]): void {
    this.#broken.push({ name: this.#source.name(candidate), reason });
  }

  async #endBlock(): Promise<void> {
    const pixels = this.#pixels.subarray(0, this.#pending.length * this.#bytes);
    const first = this.#tally.count - this.#pending.length;
    const splits = this.#tally.splits.subarray(first);
    const block: PackBlock = {
      next: this.#next,
      crc32: crc32(pixels),
      pictures: this.#pending,
      broken: this.#pendingBroken,
      sums: channelSums(pixels, this.#bytes, splits),
    };
    try {
      this.#requireMine();
      await writeAll(this.#file, pixels, this.#reserved + first * this.#bytes);
    } catch (cause) {
      throw outputError(this.#target, cause);
    }
    await this.#journal?.note(block);
    this.#noteDone(pixels, block);
    this.#pending = [];
    this.#pendingBroken = [];
  }

  #noteDone(pixels: Buffer, { next, crc32: checksum, sums }: PackBlock): void {
    this.#next = next;
    this.#checksums.push(checksum);
    this.#pixelsCrc = crc32(pixels, this.#pixelsCrc);
    this.#sums = addSums(this.#sums, sums);
  }

  #meta(making: Making): PackedMeta {
    return {
      ...making,
      ...this.#source.rules,
      storedSize: this.#source.side,
      imageSize: this.#source.imageSize,
      block: this.#block,
      ...meanAndStd(this.#sums),
      formats: Object.fromEntries(this.#tally.formats),
      listing: this.#source.fingerprint,
      sources: [...this.#source.places],
      notices: [...this.#source.notices],
    };
  }
}
