import { FormatError } from './formatError.js';

/** The most characters that the name of a module or class may have. */
const MAX_LINE = 1000;

const LINE_FEED = 10;

/** Python allows halves of surrogate pairs in its texts, which come out as U+FFFD. */
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

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
    return this.bytes(1).readUInt8();
  }

  uint16(): number {
    return this.bytes(2).readUInt16LE();
  }

  uint32(): number {
    return this.bytes(4).readUInt32LE();
  }

  /** A length of eight bytes; above 2⁵³ inexact, but larger than any file. */
  uint64(): number {
    return Number(this.bytes(8).readBigUInt64LE());
  }

  int32(): number {
    return this.bytes(4).readInt32LE();
  }

  float64(): number {
    return this.bytes(8).readDoubleBE();
  }

  /** A signed integer of `length` bytes: a number where that holds it exactly, else a bigint. */
  integer(length: number): number | bigint {
    if (length === 0) return 0;
    const bytes = Buffer.from(this.bytes(length)).reverse();
    const value = BigInt.asIntN(8 * length, BigInt(`0x${bytes.toString('hex')}`));
    return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  }

  text(length: number): string {
    return utf8.decode(this.bytes(length));
  }

  /** A `str` of Python 2: a text where it is one in UTF-8, and else bytes. */
  textOrBytes(length: number): string | Buffer {
    const bytes = this.bytes(length);
    try {
      return strictUtf8.decode(bytes);
    } catch {
      return bytes;
    }
  }

  line(): string {
    const window = this.#bytes.subarray(this.position, this.position + MAX_LINE);
    const end = window.indexOf(LINE_FEED);
    if (end < 0) throw new FormatError(`its pickle has an endless name at byte ${this.position}`);
    this.position += end + 1;
    return utf8.decode(window.subarray(0, end));
  }

  /** The next bytes: not a copy. */
  bytes(length: number): Buffer {
    const end = this.position + length;
    if (end > this.#bytes.length) {
      throw new FormatError(`its pickle goes on after its last byte, ${this.#bytes.length}`);
    }
    const taken = this.#bytes.subarray(this.position, end);
    this.position = end;
    return taken;
  }
}
