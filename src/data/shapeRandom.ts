/**
 * The stream of random numbers that one generated picture is drawn from. It depends on nothing
 * but (seed, split, index), so a picture can be made without those before it.
 *
 * The generator is sfc32 (Chris Doty-Humphrey, PractRand), started from hashed words. It uses
 * 32-bit integer arithmetic only, so it gives the same numbers on every machine.
 */
export class PictureRandom {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** `seed` is a non-negative safe integer; `split` and `index` are 32-bit. */
  constructor(seed: number, split: number, index: number) {
    const seedLow = seed >>> 0;
    const seedHigh = Math.floor(seed / 2 ** 32) >>> 0;
    this.#a = scramble(seedLow ^ scramble(index));
    this.#b = scramble(seedHigh ^ scramble(this.#a ^ split));
    this.#c = scramble(index ^ this.#b);
    // sfc32 needs about a dozen rounds until every bit depends on all of its start.
    for (let round = 0; round < 12; round++) this.bits();
  }

  /** 32 random bits, as a non-negative integer. */
  bits(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** Uniform in [low, high). */
  uniform(low: number, high: number): number {
    return low + (high - low) * (this.bits() / 2 ** 32);
  }

  /** Uniform integer in [low, high]. */
  integer(low: number, high: number): number {
    return low + Math.floor(this.uniform(0, high - low + 1));
  }

  /** True with the given probability. */
  chance(probability: number): boolean {
    return this.uniform(0, 1) < probability;
  }

  /**
   * A unit vector in a uniformly random direction: (cos φ, sin φ). Drawn from the unit disc rather
   * than through Math.cos, whose last bit differs between JavaScript engines.
   */
  direction(): [number, number] {
    for (;;) {
      const x = this.uniform(-1, 1);
      const y = this.uniform(-1, 1);
      const squared = x * x + y * y;
      if (squared > 0.01 && squared <= 1) {
        const length = Math.sqrt(squared);
        return [x / length, y / length];
      }
    }
  }
}

/** Mixes 32 bits so that each depends on all (the finaliser of MurmurHash3). */
function scramble(word: number): number {
  let mixed = (word + 0x9e3779b9) | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
