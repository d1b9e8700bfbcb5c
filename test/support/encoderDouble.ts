import { setImmediate as nextTurn } from 'node:timers/promises';
import type { EncoderDescription } from '#moco/embed/encoder.js';
import { LoadedEncoder } from '#moco/embed/loadedEncoder.js';
import type { NativeEmbedRequest, NativeEncoder } from '#moco/native/encoder.js';
import { addonError } from './addonError.js';
import { DOUBLE_DESCRIPTION } from './doubleDescription.js';

/** Height and width of the pictures that a double is given, in pixels. */
export const DOUBLE_SIDE = 8;

/** Length of its rows. */
export const DOUBLE_DIMS = 4;

const PICTURE_BYTES = 3 * DOUBLE_SIDE ** 2;

/**
 * Stands in for the addon's encoder. The row of a picture is the mean of R, of G and of B, and its
 * first byte, all from 0 to 255: so is the projection; in fp16, these as whole numbers in place of
 * bits.
 */
export class NativeEncoderDouble implements NativeEncoder {
  readonly description = {
    ...DOUBLE_DESCRIPTION,
    ...{ side: DOUBLE_SIDE, batchSize: 4, heldBytes: 4000 },
    ...{ featureLength: DOUBLE_DIMS, projectionLength: DOUBLE_DIMS },
  };
  /** How many pictures each request had, in order. */
  readonly requests: number[] = [];
  isDisposed = false;
  readonly #givenUp = new Set<number>();
  #isHeld = false;
  #waiting = 0;
  #pictures = 0;

  /** Holds all requests back, until `release`. */
  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
  }

  async embed(
    pixels: readonly Uint8Array[],
    { id, count, dtype }: NativeEmbedRequest,
  ): Promise<Float32Array | Uint16Array> {
    const bytes = Buffer.concat(pixels);
    this.requests.push(count);
    this.#waiting += count;
    do await nextTurn();
    while (this.#isHeld && !this.#isGivenUp(id));
    this.#waiting -= count;
    if (this.#isGivenUp(id)) throw addonError('ERR_MOCO_ABORTED', 'the request was given up');
    this.#pictures += count;
    const rows = Array.from({ length: count }, (_, at) =>
      doubleRow(bytes.subarray(at * PICTURE_BYTES, (at + 1) * PICTURE_BYTES)),
    ).flat();
    return dtype === 'fp16' ? Uint16Array.from(rows) : Float32Array.from(rows);
  }

  cancel(id: number): void {
    this.#givenUp.add(id);
  }

  statistics() {
    const batches = this.requests.length;
    return {
      waiting: this.#waiting,
      batches,
      pictures: this.#pictures,
      seconds: 0,
      batchSizes: [],
    };
  }

  stop(): void {
    this.isDisposed = true;
  }

  async dispose(): Promise<void> {
    this.isDisposed = true;
  }

  #isGivenUp(id: number): boolean {
    return this.isDisposed || this.#givenUp.has(id);
  }
}

/** An encoder on a double. */
export function encoderOn(
  native: NativeEncoderDouble = new NativeEncoderDouble(),
  change: Partial<EncoderDescription> = {},
): LoadedEncoder {
  const { featureLength, projectionLength, ...described } = native.description;
  const [mean, std] = [
    [0.5, 0.5, 0.5],
    [0.25, 0.25, 0.25],
  ] as const;
  return new LoadedEncoder(native, {
    ...{ mocoVersion: '0.0.0', libtorchVersion: '2.13.0', ...described, maxQueue: 1024 },
    ...{ batchInvariant: false, notices: [] },
    model: {
      ...{ path: 'model.pth', arch: 'resnet18', stem: 'cifar' },
      input: { imageSize: DOUBLE_SIDE, cropShare: 1, mean, std },
    },
    dims: { features: featureLength, projection: projectionLength },
    ...change,
  });
}

/** What a double makes of a picture's pixels. */
export function doubleRow(pixels: Uint8Array): number[] {
  const means = [0, 1, 2].map((channel) => {
    const values = pixels.filter((_, at) => at % 3 === channel);
    return values.reduce((sum, value) => sum + value, 0) / values.length;
  });
  return [...means, pixels[0] as number];
}
