import { FormatError } from './formatError.js';

/** The most characters that the name of a module or class may have. */
const MAX_LINE = 1000;

const LINE_FEED = 10;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The arguments of a pickle's instructions, one after the other. */
export class PickleBytes {
  readonly #bytes: Buffer;
  /** Of the next byte to read. */
  position: number;

  constructor(bytes: Buffer, position: number) {
    this.#bytes = bytes;
    this.position = position;
  }

  uint8(): number {
    return this.#take(1).readUInt8();
  }

  uint16(): number {
    return this.#take(2).readUInt16LE();
  }

  uint32(): number {
    return this.#take(4).readUInt32LE();
  }

  int32(): number {
    return this.#take(4).readInt32LE();
  }

  float64(): number {
    return this.#take(8).readDoubleBE();
  }

  /** A signed integer of `length` bytes: a number where that holds it exactly, else a bigint. */
  integer(length: number): number | bigint {
    if (length === 0) return 0;
    const bytes = Buffer.from(this.#take(length)).reverse();
    const value = BigInt.asIntN(8 * length, BigInt(`0x${bytes.toString('hex')}`));
    return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  }

  text(length: number): string {
    const bytes = this.#take(length);
    try {
      return utf8.decode(bytes);
    } catch {
      throw new FormatError(
        `its pickle has a text that is not UTF-8, before byte ${this.position}`,
      );
    }
  }

  line(): string {
    const window = this.#bytes.subarray(this.position, this.position + MAX_LINE);
    const end = window.indexOf(LINE_FEED);
    if (end < 0) throw new FormatError(`its pickle has an endless name at byte ${this.position}`);
    this.position += end + 1;
    return window.toString('latin1', 0, end);
  }

  #take(length: number): Buffer {
    const end = this.position + length;
    if (end > this.#bytes.length) {
      throw new FormatError(`its pickle goes on after its last byte, ${this.#bytes.length}`);
    }
    const taken = this.#bytes.subarray(this.position, end);
    this.position = end;
    return taken;
  }
}
