import { setImmediate as nextTurn } from 'node:timers/promises';
import type {
  NativeEmbedRequest,
  NativeEncoder,
  NativeEncoderStatistics,
} from '#moco/native/encoder.js';
import { addonError } from './addonError.js';
import { DOUBLE_DESCRIPTION } from './doubleDescription.js';

/** Side of the double's pictures, in pixels. */
export const DOUBLE_SIDE = 2;

/** What a double is given, and what it makes of it. */
export interface DoubleRows {
  /** Side of its pictures, in pixels. */
  readonly side: number;
  /** Length of a feature. */
  readonly length: number;
  /** The row of a picture. */
  rowOf(pixels: Uint8Array, request: NativeEmbedRequest): number[];
}

/**
 * A picture's row is its first byte, and that plus a half; a projection's row has a third number, 1
 * where it is to be normalised. A byte of 255 stands for features that are not finite.
 */
const FIRST_BYTES: DoubleRows = {
  side: DOUBLE_SIDE,
  length: 2,
  rowOf(pixels, { output, normalize }) {
    if (pixels.includes(255)) throw addonError('ERR_MOCO_NON_FINITE', 'the features are NaN');
    const first = pixels[0] as number;
    return [first, first + 0.5, ...(output === 'projection' ? [Number(normalize)] : [])];
  },
};

/** Stands in for the addon's encoder. In fp16, its numbers are whole ones in place of bits. */
export class NativeEncoderDouble implements NativeEncoder {
  readonly description;
  /** Every request, in order. */
  readonly requests: NativeEmbedRequest[] = [];
  readonly cancelled: number[] = [];
  isDisposed = false;
  /** Requests are answered only while it is empty. */
  holding = false;
  readonly #rows: DoubleRows;
  readonly #pending = new Map<number, (error: Error) => void>();

  constructor(projectionLength = 3, rows = FIRST_BYTES) {
    this.#rows = rows;
    this.description = {
      ...DOUBLE_DESCRIPTION,
      ...{ side: rows.side, batchSize: 4, heldBytes: 4000 },
      ...{ featureLength: rows.length, projectionLength },
    };
  }

  async embed(
    pixels: readonly Uint8Array[],
    request: NativeEmbedRequest,
  ): Promise<Float32Array | Uint16Array> {
    const bytes = Buffer.concat(pixels); // a copy, as the addon makes it
    const each = this.#rows.side ** 2 * 3;
    if (bytes.length !== request.count * each) throw new TypeError('wrong bytes');
    this.requests.push(request);
    await this.#turn(request.id);
    const rows = Array.from({ length: request.count }, (_, picture) =>
      this.#rows.rowOf(bytes.subarray(picture * each, (picture + 1) * each), request),
    ).flat();
    return request.dtype === 'fp16' ? Uint16Array.from(rows) : Float32Array.from(rows);
  }

  cancel(id: number): void {
    this.cancelled.push(id);
    this.#pending.get(id)?.(addonError('ERR_MOCO_ABORTED', 'the embedding was stopped'));
  }

  statistics(): NativeEncoderStatistics {
    return { waiting: this.#pending.size, batches: 0, pictures: 0, seconds: 0, batchSizes: [] };
  }

  stop(): void {
    for (const id of this.#pending.keys()) this.cancel(id);
  }

  async dispose(): Promise<void> {
    this.stop();
    this.isDisposed = true;
  }

  /** Some turns of the event loop, which `cancel` ends. */
  async #turn(id: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#pending.set(id, reject);
      const wait = async () => {
        do await nextTurn();
        while (this.holding && this.#pending.has(id));
      };
      wait().then(resolve);
    }).finally(() => this.#pending.delete(id));
  }
}
