import type { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import type { ModelInput } from '../model/modelInput.js';
import type { NativeComputeDescription } from '../native/compute.js';
import type { NativeEncoderStatistics } from '../native/encoder.js';

/** A picture as pixels: 8 bits per channel, row by row, the channels of a pixel together. */
export interface RawPicture {
  readonly data: Uint8Array | Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
  /** Grey, RGB or RGBA. */
  readonly channels: 1 | 3 | 4;
}

/**
 * A picture: the path or `file:` URL of a file, what such a file holds as bytes or as a stream of
 * them, or pixels. What is in memory is copied at the call.
 */
export type PictureInput =
  | string
  | URL
  | Uint8Array
  | Readable
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>
  | RawPicture;

/** How numbers are given: in fp16, as their bits. */
export interface NumbersOf {
  readonly fp32: Float32Array;
  readonly fp16: Uint16Array;
}

/** A number format that rows can have. */
export type RowType = keyof NumbersOf;

/** What is to be made of pictures. */
export interface EmbedOptions<Type extends RowType = RowType> {
  /** Divides each row by its length; false where absent. */
  readonly normalize?: boolean | undefined;
  /**
   * `features`: what the backbone gives, which other tasks build on; taken where absent.
   * `projection`: what the projection head makes of it, which training compared.
   */
  readonly output?: 'features' | 'projection' | undefined;
  /** `fp32` where absent; `fp16`: rounded to nearest, ties to even. */
  readonly dtype?: Type | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Rows of numbers, one for each picture, in order. */
export interface Embeddings<Type extends RowType = 'fp32'> {
  /** How many rows, and of what length. */
  readonly dims: readonly [rows: number, length: number];
  /** Row by row. */
  readonly data: NumbersOf[Type];
}

/** Some of the pictures of a stream. */
export interface EmbeddedBatch<Input = PictureInput, Type extends RowType = 'fp32'>
  extends Embeddings<Type> {
  /** The pictures that the rows are of, in order. */
  readonly paths: readonly Input[];
  /** Those between them that could not be read. */
  readonly failures: readonly { readonly path: Input; readonly reason: string }[];
}

/** Options for a stream of pictures. */
export interface EmbedStreamOptions<Type extends RowType = RowType> extends EmbedOptions<Type> {
  /** Pictures in a batch; 64 where absent. */
  readonly batchSize?: number | undefined;
}

/** Which encoder it is, and how it computes. */
export interface EncoderDescription extends NativeComputeDescription {
  readonly mocoVersion: string;
  readonly libtorchVersion: string;
  readonly model: {
    readonly path: string;
    readonly arch: string;
    readonly width: number;
    readonly stem: string;
    /** What it sees of a picture. */
    readonly input: ModelInput;
  };
  /**
   * Height and width of the pixels that go straight in, before the middle is cut out, and resized where
   * a packed file has others than the model sees.
   */
  readonly side: number;
  /** Length of a row. */
  readonly dims: {
    readonly features: number;
    /** Undefined where the model has no projection head. */
    readonly projection: number | undefined;
  };
  /** The most pictures that are computed at once. */
  readonly batchSize: number;
  /** The most pictures that may wait or be worked on. */
  readonly maxQueue: number;
  readonly batchInvariant: boolean;
  /** Memory that the model takes, in bytes. */
  readonly heldBytes: number;
  /** What the user should know of the model, one line each. */
  readonly notices: readonly string[];
}

/** How much an encoder has done and has to do; for a service's metrics. */
export interface EncoderStatistics extends NativeEncoderStatistics {
  /** Pictures that were let in: read, waiting or computed. */
  readonly admitted: number;
  /** Pictures that wait to be let in, since `maxQueue` others are. */
  readonly heldBack: number;
}

/** A trained encoder that turns pictures into features. */
export interface Encoder extends AsyncDisposable {
  readonly description: EncoderDescription;
  /**
   * Turns pictures into rows of numbers. Calls at the same time are computed together, in turn; a call
   * that finds `maxQueue` pictures before it waits. Without `batchInvariant`, a row may depend on the
   * pictures that are computed with it, by rounding: by 10⁻⁵ of its length in fp32, by 2 % in bf16.
   * @throws MocoError `ERR_MOCO_DATA` that names the first picture that cannot be read and says why,
   *   `_CONFIG` for wrong arguments, `_NON_FINITE` where features are not finite, `_DISPOSED`;
   *   `_ABORTED` as soon as the signal is given
   */
  embed<Type extends RowType = 'fp32'>(
    pictures: PictureInput | readonly PictureInput[],
    options?: EmbedOptions<Type>,
  ): Promise<Embeddings<Type>>;
  /**
   * The same for any number of pictures, batch by batch. A picture that cannot be read is named in its
   * batch, and is no error.
   */
  embedStream<Input extends PictureInput, Type extends RowType = 'fp32'>(
    pictures: Iterable<Input> | AsyncIterable<Input>,
    options?: EmbedStreamOptions<Type>,
  ): AsyncGenerator<EmbeddedBatch<Input, Type>, void>;
  statistics(): EncoderStatistics;
  /** Ends what runs, and frees all memory. Can be called more than once. */
  dispose(): Promise<void>;
}
