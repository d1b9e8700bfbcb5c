/** Numbers that look random, the same in every run (xorshift). */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** 0 … below − 1 */
  below(below: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % below;
  }

  of<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }
}

/**
 * The kinds of damage that disks, networks and people do to files. Each changes its argument or
 * returns another content.
 */
const MUTATIONS: readonly ((content: Buffer, dice: Dice) => Buffer)[] = [
  function flipBit(content, dice) {
    const at = dice.below(content.length);
    content.writeUInt8(content.readUInt8(at) ^ (1 << dice.below(8)), at);
    return content;
  },
  function changeByte(content, dice) {
    content.writeUInt8(dice.below(256), dice.below(content.length));
    return content;
  },
  function truncate(content, dice) {
    return content.subarray(0, dice.below(content.length));
  },
  function setHuge(content, dice) {
    const at = dice.below(content.length);
    content.subarray(at, at + dice.of([2, 4, 8])).fill(dice.of([0xff, 0x7f, 0x80]));
    return content;
  },
  function setField(content, dice) {
    const at = dice.below(Math.max(1, content.length - 8));
    const field = dice.of(['ffffffff', 'ffffffffffffffff', 'ffffffffffffff7f', '00000000', 'ffff']);
    Buffer.from(field, 'hex').copy(content, at);
    return content;
  },
  function repeatPart(content, dice) {
    const from = dice.below(content.length);
    const to = Math.min(content.length, from + dice.below(64));
    return Buffer.concat([content.subarray(0, to), content.subarray(from)]);
  },
  function removePart(content, dice) {
    const from = dice.below(content.length);
    return Buffer.concat([content.subarray(0, from), content.subarray(from + 1 + dice.below(16))]);
  },
];

/** A copy of the content with one or two of these mutations. */
export function mutated(content: Buffer, dice: Dice): Buffer {
  let result = Buffer.from(content);
  for (let count = 1 + dice.below(2); count > 0 && result.length > 0; count--) {
    result = dice.of(MUTATIONS)(result, dice) as Buffer<ArrayBuffer>;
  }
  return result;
}
