import { HASH_BYTES, type PictureSource, type StoredPicture, TRAIN } from './source.js';

/** Sums over the training pictures, per channel (R, G, B); whole numbers, so that they are exact. */
export interface ChannelSums {
  readonly pixels: number;
  readonly sum: readonly number[];
  readonly squares: readonly number[];
}

export const NO_SUMS: ChannelSums = { pixels: 0, sum: [0, 0, 0], squares: [0, 0, 0] };

/** What is known of the pictures of a packed file, apart from their pixels, while it is made. */
export class Tally {
  /** Which candidate each picture was. */
  readonly #candidates: Uint32Array;
  readonly #hashes: Uint8Array;
  readonly #sizes: Int32Array;
  readonly #labels: Int32Array;
  readonly #splits: Uint8Array;
  readonly #source: PictureSource;
  readonly formats = new Map<string, number>();
  #count = 0;

  constructor(source: PictureSource) {
    this.#source = source;
    this.#candidates = new Uint32Array(source.count);
    this.#hashes = new Uint8Array(source.count * HASH_BYTES);
    this.#sizes = new Int32Array(source.count * 2);
    this.#labels = new Int32Array(source.count);
    this.#splits = new Uint8Array(source.count);
  }

  /** Number of pictures. */
  get count(): number {
    return this.#count;
  }

  get candidates(): Uint32Array {
    return this.#candidates.subarray(0, this.#count);
  }

  get hashes(): Uint8Array {
    return this.#hashes.subarray(0, this.#count * HASH_BYTES);
  }

  /** Width and height of each picture in its file. */
  get sizes(): Int32Array {
    return this.#sizes.subarray(0, this.#count * 2);
  }

  get labels(): Int32Array {
    return this.#labels.subarray(0, this.#count);
  }

  get splits(): Uint8Array {
    return this.#splits.subarray(0, this.#count);
  }

  names(): string[] {
    return Array.from(this.candidates, (candidate) => this.#source.name(candidate));
  }

  /** @returns the split of the picture */
  add(candidate: number, { hash, format, width, height }: Omit<StoredPicture, 'pixels'>): number {
    const at = this.#count++;
    const split = this.#source.split(candidate, hash);
    this.#candidates[at] = candidate;
    this.#hashes.set(hash, at * HASH_BYTES);
    this.#sizes.set([width, height], at * 2);
    this.#labels[at] = this.#source.label(candidate);
    this.#splits[at] = split;
    this.formats.set(format, 1 + (this.formats.get(format) ?? 0));
    return split;
  }
}

/** Sums over the training pictures of a block. */
export function channelSums(
  pixels: Uint8Array,
  pictureBytes: number,
  splits: Uint8Array,
): ChannelSums {
  const [sum, squares] = [new Float64Array(3), new Float64Array(3)];
  let count = 0;
  for (const [index, split] of splits.entries()) {
    if (split !== TRAIN) continue;
    addPicture(pixels.subarray(index * pictureBytes, (index + 1) * pictureBytes), sum, squares);
    count += pictureBytes / 3;
  }
  return { pixels: count, sum: [...sum], squares: [...squares] };
}

function addPicture(pixels: Uint8Array, sum: Float64Array, squares: Float64Array): void {
  let [r, g, b, rr, gg, bb] = [0, 0, 0, 0, 0, 0];
  for (let at = 0; at < pixels.length; at += 3) {
    const [red, green, blue] = [pixels[at], pixels[at + 1], pixels[at + 2]] as [
      number,
      number,
      number,
    ];
    r += red;
    g += green;
    b += blue;
    rr += red * red;
    gg += green * green;
    bb += blue * blue;
  }
  for (const [channel, value] of [r, g, b].entries()) sum[channel] = (sum[channel] ?? 0) + value;
  for (const [channel, value] of [rr, gg, bb].entries()) {
    squares[channel] = (squares[channel] ?? 0) + value;
  }
}

export function addSums(one: ChannelSums, other: ChannelSums): ChannelSums {
  const added = (a: readonly number[], b: readonly number[]) =>
    a.map((value, channel) => value + (b[channel] ?? 0));
  return {
    pixels: one.pixels + other.pixels,
    sum: added(one.sum, other.sum),
    squares: added(one.squares, other.squares),
  };
}

type Channels = [number, number, number];

/** Mean and standard deviation per channel, on the 0…1 scale; of no pixels, 0. */
export function meanAndStd({ pixels, sum, squares }: ChannelSums): {
  readonly mean: Channels;
  readonly std: Channels;
} {
  const mean = sum.map((value) => value / Math.max(1, pixels));
  const std = squares.map((value, channel) => {
    const center = mean[channel] as number;
    return Math.sqrt(Math.max(0, value / Math.max(1, pixels) - center * center)) / 255;
  });
  return { mean: mean.map((value) => value / 255) as Channels, std: std as Channels };
}
