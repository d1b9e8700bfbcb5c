import { setTimeout as sleep } from 'node:timers/promises';
import { types } from 'node:util';
import type {
  EmbeddedBatch,
  EmbedStreamOptions,
  Encoder,
  EncoderDescription,
  EncoderStatistics,
  NumbersOf,
  PictureInput,
  RawPicture,
  RowType,
} from '#moco/embed/encoder.js';
import { decodePicture } from '#moco/pictures/decode.js';
import type { Unreadable } from '#moco/pictures/source.js';
import type { SearchIndex } from '#moco/serve/searchIndex.js';
import { DOUBLE_DESCRIPTION } from './doubleDescription.js';

/** What an encoder's double does otherwise than at once and well. */
export interface EncoderScript {
  /** Milliseconds that a picture takes. */
  pause?: number;
  /** Pictures that are in work already. */
  admitted?: number;
  /** Numbers in a row, all of which are 0 where there are others than 3. */
  length?: number;
  /** What every call fails with. */
  failure?: Error;
}

/** An encoder whose features are a picture's mean red, green and blue, from 0 to 1. */
export class ServiceEncoderDouble implements Encoder {
  readonly script: EncoderScript;
  /** Options of the calls, in order. */
  readonly calls: EmbedStreamOptions[] = [];
  #pictures = 0;

  readonly description = {
    ...DOUBLE_DESCRIPTION,
    ...{ mocoVersion: '0.0.0', libtorchVersion: '2.13.0' },
    model: {
      ...{ path: '/models/small_model.pth', arch: 'resnet18', width: 1, stem: 'cifar' },
      input: { imageSize: 8, cropShare: 1, mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
    },
    ...{ side: 8, dims: { features: 3, projection: undefined } },
    ...{ batchSize: 4, maxQueue: 1024, batchInvariant: false, heldBytes: 1000, notices: [] },
  } as EncoderDescription;

  constructor(script: EncoderScript = {}) {
    this.script = script;
  }

  async *embedStream<Input extends PictureInput, Type extends RowType = 'fp32'>(
    pictures: Iterable<Input> | AsyncIterable<Input>,
    options: EmbedStreamOptions<Type> = {},
  ): AsyncGenerator<EmbeddedBatch<Input, Type>, void> {
    this.calls.push(options);
    const { pause, failure, length = 3 } = this.script;
    if (failure) throw failure;
    if (pause !== undefined) await sleep(pause, undefined, { signal: options.signal });
    const [paths, failures, rows]: [Input[], { path: Input; reason: string }[], number[]] = [
      [],
      [],
      [],
    ];
    for await (const path of pictures) {
      const colour = await meanColour(path);
      if ('reason' in colour) failures.push({ path, reason: colour.reason });
      else {
        paths.push(path);
        rows.push(...colour);
      }
    }
    this.#pictures += paths.length;
    const numbers = length === 3 ? rows : paths.length * length;
    const data = new (options.dtype === 'fp16' ? Uint16Array : Float32Array)(numbers as number);
    yield { paths, failures, dims: [paths.length, length], data: data as NumbersOf[Type] };
  }

  embed(): never {
    throw new Error('no service calls it');
  }

  statistics(): EncoderStatistics {
    const pictures = this.#pictures;
    const batchSizes = pictures > 0 ? [{ pictures: 1, batches: pictures }] : [];
    const { admitted = 0 } = this.script;
    return {
      ...{ waiting: 0, batches: pictures, pictures, seconds: 0, batchSizes },
      admitted,
      heldBack: 0,
    };
  }

  async dispose(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {}
}

async function meanColour(picture: PictureInput): Promise<number[] | Unreadable> {
  const pixels = types.isUint8Array(picture)
    ? await decoded(picture)
    : (picture as RawPicture).data;
  if ('reason' in pixels) return pixels;
  const sums = [0, 0, 0];
  for (const [at, value] of pixels.entries()) sums[at % 3] = (sums[at % 3] as number) + value;
  return sums.map((sum) => sum / (pixels.length / 3) / 255);
}

async function decoded(bytes: Uint8Array): Promise<Uint8Array | Unreadable> {
  const picture = await decodePicture(Buffer.from(bytes), 8);
  return 'reason' in picture ? picture : picture.pixels;
}

const COLOURS = { red: [1, 0, 0], green: [0, 1, 0], blue: [0, 0, 1] };

/** An index of red, green and blue, of which the first two have a class; more similar is nearer. */
export const COLOUR_INDEX: SearchIndex = {
  ...{ size: 3, dims: 3, metric: 'euclidean' },
  meta: { version: 1, mocoVersion: '0.0.0', normalized: false },
  labelOf: (row) => ['warm', 'cold'][row],
  async search(queries, { k: most = 10 } = {}) {
    const k = Math.min(most, 3);
    const found = Array.from({ length: queries.length / 3 }, (_, query) =>
      Object.entries(COLOURS)
        .map(([id, colour], row) => {
          const distance = Math.hypot(
            ...colour.map((c, at) => c - (queries[query * 3 + at] as number)),
          );
          return { id, row, similarity: -distance };
        })
        .sort((a, b) => b.similarity - a.similarity || a.row - b.row)
        .slice(0, k),
    ).flat();
    return {
      k,
      ids: found.map(({ id }) => id),
      rows: Uint32Array.from(found, ({ row }) => row),
      similarities: Float32Array.from(found, ({ similarity }) => similarity),
    };
  },
};
