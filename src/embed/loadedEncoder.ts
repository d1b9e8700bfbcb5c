import { z } from 'zod';
import * as check from '../arguments/check.js';
import { MocoError } from '../error.js';
import type { NativeEmbedRequest, NativeEncoder } from '../native/encoder.js';
import { eachOf } from '../pictures/inFlight.js';
import { decodingThreads } from '../pictures/sharp.js';
import type { Unreadable } from '../pictures/source.js';
import { aPicture, EMBED_OPTIONS } from './embedArguments.js';
import { embedStream, type PictureEmbedder } from './embedStream.js';
import type {
  EmbeddedBatch,
  Embeddings,
  EmbedOptions,
  EmbedStreamOptions,
  Encoder,
  EncoderDescription,
  EncoderStatistics,
  NumbersOf,
  PictureInput,
  RowType,
} from './encoder.js';
import { beforeAbort, disposed, Ending } from './ending.js';
import { type Captured, capture, isPictureInput, readPicture } from './pictureInput.js';
import { Places } from './places.js';

/** The options of a call, settled. */
interface Asked<Type extends RowType> extends Pick<NativeEmbedRequest, 'normalize' | 'output'> {
  readonly dtype: Type;
}

/** How many groups of a call are worked on: one is read, one waits, and one is computed. */
const GROUPS_AT_A_TIME = 3;

const NO_OPTIONS = {};

const ARGUMENTS = {
  pictures: z.array(aPicture),
  options: check.options<EmbedOptions>(EMBED_OPTIONS),
};

/** An encoder in the addon. */
export class LoadedEncoder implements Encoder, PictureEmbedder {
  readonly description: EncoderDescription;
  readonly #native: NativeEncoder;
  readonly #places: Places;
  readonly #decoders = new Places(decodingThreads());
  readonly #calls = new Set<Ending>();
  #lastId = 0;
  #disposal: Promise<void> | undefined;

  constructor(native: NativeEncoder, description: EncoderDescription) {
    this.#native = native;
    this.description = description;
    this.#places = new Places(description.maxQueue);
  }

  async embed<Type extends RowType = 'fp32'>(
    pictures: PictureInput | readonly PictureInput[],
    options: EmbedOptions<Type> = NO_OPTIONS,
  ): Promise<Embeddings<Type>> {
    const list: readonly PictureInput[] = Array.isArray(pictures) ? pictures : [pictures];
    // The whole check takes 1 % of the time of a picture alone.
    if (options !== NO_OPTIONS || !list.every(isPictureInput)) {
      check.requireArguments('embed', ARGUMENTS, { pictures: list, options });
    }
    const asked = this.#asked(options);
    const captured = list.map(capture);
    return await this.#call(options.signal, ({ signal }) => this.#embed(captured, asked, signal));
  }

  embedStream<Input extends PictureInput, Type extends RowType = 'fp32'>(
    pictures: Iterable<Input> | AsyncIterable<Input>,
    options: EmbedStreamOptions<Type> = {},
  ): AsyncGenerator<EmbeddedBatch<Input, Type>, void> {
    return embedStream(this, pictures, options);
  }

  async pixelsOf(
    picture: PictureInput,
    signal?: AbortSignal | undefined,
  ): Promise<Uint8Array | Unreadable> {
    const captured = capture(picture);
    return await this.#call(signal, (ending) => this.#read(captured, ending.signal));
  }

  async embedPixels<Type extends RowType = 'fp32'>(
    pixels: readonly Uint8Array[],
    options: EmbedOptions<Type> = {},
  ): Promise<Embeddings<Type>> {
    const asked = this.#asked(options);
    const bytes = pixels.reduce((sum, { length }) => sum + length, 0);
    const count = bytes / (this.description.side ** 2 * 3);
    return await this.#call(options.signal, async ({ signal }) => {
      if (count === 0) return { dims: [0, this.#length(asked)], data: rowsFor(0, asked) };
      using _ = await this.#places.take(count, signal);
      const data = await this.#compute(pixels, count, asked, signal);
      return { dims: [count, this.#length(asked)], data };
    });
  }

  statistics(): EncoderStatistics {
    const { taken: admitted, waitedFor: heldBack } = this.#places;
    return { ...this.#native.statistics(), admitted, heldBack };
  }

  dispose(): Promise<void> {
    this.#disposal ??= this.#dispose();
    return this.#disposal;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  async #dispose(): Promise<void> {
    for (const call of this.#calls) call.fail(disposed());
    await this.#native.dispose();
  }

  /** Does the work of a call, which ends before its time by the signal or by disposal. */
  async #call<Result>(
    signal: AbortSignal | undefined,
    work: (ending: Ending) => Promise<Result>,
  ): Promise<Result> {
    if (this.#disposal) throw disposed();
    using ending = new Ending(signal);
    ending.signal.throwIfAborted();
    this.#calls.add(ending);
    try {
      return await ending.before(work(ending));
    } catch (error) {
      ending.fail(error);
      throw error;
    } finally {
      this.#calls.delete(ending);
    }
  }

  #asked<Type extends RowType>(options: EmbedOptions<Type>): Asked<Type> {
    const { normalize = false, output = 'features', dtype = 'fp32' as Type } = options;
    if (output === 'features' || this.description.dims.projection !== undefined) {
      return { normalize, output, dtype };
    }
    const { path } = this.description.model;
    throw new MocoError('ERR_MOCO_CONFIG', `${path} has no projection head`, {
      hint: "Take its features: output: 'features'.",
    });
  }

  /** Length of a row. */
  #length({ output }: Asked<RowType>): number {
    const { features, projection = 0 } = this.description.dims;
    return output === 'features' ? features : projection;
  }

  async #embed<Type extends RowType>(
    pictures: readonly Captured[],
    asked: Asked<Type>,
    signal: AbortSignal,
  ): Promise<Embeddings<Type>> {
    const length = this.#length(asked);
    const dims = [pictures.length, length] as const;
    const size = Math.min(this.description.batchSize, this.description.maxQueue);
    const group = async (start: number) =>
      await this.#embedGroup(pictures.slice(start, start + size), start, asked, signal);
    if (pictures.length > 0 && pictures.length <= size) return { dims, data: await group(0) };
    const data = rowsFor(pictures.length * length, asked);
    await eachOf(startsOf(pictures.length, size), GROUPS_AT_A_TIME, async (start) => {
      data.set(await group(start), start * length);
    });
    return { dims, data };
  }

  /** The rows of pictures that are computed together. @param start number of the first in the call */
  async #embedGroup<Type extends RowType>(
    group: readonly Captured[],
    start: number,
    asked: Asked<Type>,
    signal: AbortSignal,
  ): Promise<NumbersOf[Type]> {
    using _ = await this.#places.take(group.length, signal);
    const read = await Promise.all(group.map((picture) => this.#read(picture, signal)));
    const pixels = read.map((picture, index) => readable(picture, start + index, group[index]));
    return await this.#compute(pixels, group.length, asked, signal);
  }

  async #read(picture: Captured, signal: AbortSignal): Promise<Uint8Array | Unreadable> {
    return await readPicture(picture, this.description.side, this.#decoders, signal);
  }

  async #compute<Type extends RowType>(
    pixels: readonly Uint8Array[],
    count: number,
    asked: Asked<Type>,
    signal: AbortSignal,
  ): Promise<NumbersOf[Type]> {
    signal.throwIfAborted();
    this.#lastId += 1;
    const id = this.#lastId;
    try {
      const rows = this.#native.embed(pixels, { id, count, ...asked });
      const cancel = () => this.#native.cancel(id);
      return (await beforeAbort(rows, signal, cancel)) as NumbersOf[Type];
    } catch (error) {
      signal.throwIfAborted();
      throw MocoError.from(error);
    }
  }
}

function rowsFor<Type extends RowType>(length: number, { dtype }: Asked<Type>): NumbersOf[Type] {
  try {
    const rows = dtype === 'fp16' ? new Uint16Array(length) : new Float32Array(length);
    return rows as NumbersOf[Type];
  } catch (cause) {
    throw new MocoError('ERR_MOCO_OUT_OF_MEMORY', 'the rows of so many pictures have no room', {
      hint: 'Embed them batch by batch: embedStream().',
      cause,
    });
  }
}

function startsOf(length: number, size: number): number[] {
  return Array.from({ length: Math.ceil(length / size) }, (_, group) => group * size);
}

function readable(
  picture: Uint8Array | Unreadable,
  index: number,
  captured: Captured | undefined,
): Uint8Array {
  if (!('reason' in picture)) return picture;
  const name = captured?.kind === 'file' ? ` (${captured.path})` : '';
  throw new MocoError('ERR_MOCO_DATA', `picture ${index}${name}: ${picture.reason}`, {
    hint: 'Leave it out; embedStream() goes on without such pictures.',
  });
}
