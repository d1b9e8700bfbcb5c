import type { Unreadable } from '../pictures/source.js';
import type {
  EmbeddedBatch,
  Embeddings,
  EmbedOptions,
  EmbedStreamOptions,
  PictureInput,
  RowType,
} from './encoder.js';

/** What a stream needs of an encoder. */
export interface PictureEmbedder {
  /**
   * The pixels that the encoder is given of a picture: side × side × 3 bytes; or the reason why there
   * are none.
   */
  pixelsOf(
    picture: PictureInput,
    signal?: AbortSignal | undefined,
  ): Promise<Uint8Array | Unreadable>;
  /** @param pixels of whole pictures, one after the other, which are copied once they are let in */
  embedPixels<Type extends RowType = 'fp32'>(
    pixels: readonly Uint8Array[],
    options?: EmbedOptions<Type>,
  ): Promise<Embeddings<Type>>;
}

/** See `Encoder.embedStream`. */
export async function* embedStream<Input extends PictureInput, Type extends RowType>(
  encoder: PictureEmbedder,
  pictures: Iterable<Input> | AsyncIterable<Input>,
  { batchSize = 64, ...options }: EmbedStreamOptions<Type>,
): AsyncGenerator<EmbeddedBatch<Input, Type>, void> {
  let batch: Input[] = [];
  for await (const picture of pictures) {
    batch.push(picture);
    if (batch.length < batchSize) continue;
    yield await embedBatch(encoder, batch, options);
    batch = [];
  }
  if (batch.length > 0) yield await embedBatch(encoder, batch, options);
}

async function embedBatch<Input extends PictureInput, Type extends RowType>(
  encoder: PictureEmbedder,
  batch: readonly Input[],
  options: EmbedOptions<Type>,
): Promise<EmbeddedBatch<Input, Type>> {
  const read = await Promise.all(batch.map((path) => encoder.pixelsOf(path, options.signal)));
  const paths: Input[] = [];
  const pixels: Uint8Array[] = [];
  const failures: { path: Input; reason: string }[] = [];
  for (const [index, picture] of read.entries()) {
    const path = batch[index] as Input;
    if ('reason' in picture) failures.push({ path, reason: picture.reason });
    else {
      paths.push(path);
      pixels.push(picture);
    }
  }
  return { paths, failures, ...(await encoder.embedPixels(pixels, options)) };
}
