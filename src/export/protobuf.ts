import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

/**
 * A message of protocol buffers as the pieces that it is written in, so that the weights of a model
 * are not copied into the message around them, and again into the one around that.
 */
export class Message {
  readonly #pieces: Uint8Array[] = [];
  #length = 0;

  /** In bytes. */
  get length(): number {
    return this.#length;
  }

  get pieces(): readonly Uint8Array[] {
    return this.#pieces;
  }

  integer(field: number, value: number): this {
    return this.#add(new BinaryWriter().tag(field, WireType.Varint).int64(value).finish());
  }

  integers(field: number, values: readonly number[]): this {
    for (const value of values) this.integer(field, value);
    return this;
  }

  float(field: number, value: number): this {
    return this.#add(new BinaryWriter().tag(field, WireType.Bit32).float(value).finish());
  }

  text(field: number, value: string): this {
    return this.bytes(field, [new TextEncoder().encode(value)]);
  }

  message(field: number, { pieces }: Message): this {
    return this.bytes(field, pieces);
  }

  /** Bytes that lie in several pieces, which are not copied. */
  bytes(field: number, pieces: readonly Uint8Array[]): this {
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
    const start = new BinaryWriter().tag(field, WireType.LengthDelimited).uint32(length);
    this.#add(start.finish());
    for (const piece of pieces) this.#add(piece);
    return this;
  }

  #add(piece: Uint8Array): this {
    this.#pieces.push(piece);
    this.#length += piece.length;
    return this;
  }
}
