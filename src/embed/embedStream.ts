import { z } from 'zod';
import * as check from '../arguments/check.js';
import { shown } from '../arguments/shown.js';
import { MocoError } from '../error.js';
import type { Unreadable } from '../pictures/source.js';
import { EMBED_OPTIONS, PICTURE } from './embedArguments.js';
import type {
  EmbeddedBatch,
  Embeddings,
  EmbedOptions,
  EmbedStreamOptions,
  PictureInput,
  RowType,
} from './encoder.js';
import { Ending, stopped } from './ending.js';
import { isPictureInput } from './pictureInput.js';

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

/** How many batches are worked on: one is computed, and the next ones are read. */
const BATCHES_AT_A_TIME = 3;

const ARGUMENTS = {
  pictures: z.custom(isSequence, 'a list, or another sequence, of pictures'),
  options: check.options<EmbedStreamOptions>({
    ...EMBED_OPTIONS,
    batchSize: z.int('a whole number from 1 on').min(1, 'a whole number from 1 on').optional(),
  }),
};

/** See `Encoder.embedStream`. @throws MocoError `ERR_MOCO_CONFIG` for wrong arguments */
export function embedStream<Input extends PictureInput, Type extends RowType>(
  encoder: PictureEmbedder,
  pictures: Iterable<Input> | AsyncIterable<Input>,
  options: EmbedStreamOptions<Type>,
): AsyncGenerator<EmbeddedBatch<Input, Type>, void> {
  check.requireArguments('embedStream', ARGUMENTS, { pictures, options });
  return batchesOf(encoder, pictures, options);
}

/** Whether a value gives one picture after the other; a path and the bytes of a file do not. */
function isSequence(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return false;
  return Symbol.iterator in value || Symbol.asyncIterator in value;
}

async function* batchesOf<Input extends PictureInput, Type extends RowType>(
  encoder: PictureEmbedder,
  pictures: Iterable<Input> | AsyncIterable<Input>,
  { batchSize = 64, signal, ...options }: EmbedStreamOptions<Type>,
): AsyncGenerator<EmbeddedBatch<Input, Type>, void> {
  using ending = new Ending(signal);
  const groups = groupsOf(pictures, batchSize);
  let waiting = 0;
  const embedNext = async () => {
    waiting += 1;
    const { done, value } = await groups.next().finally(() => {
      waiting -= 1;
    });
    return done
      ? undefined
      : await embedGroup(encoder, value, { ...options, signal: ending.signal });
  };
  const begun: Promise<EmbeddedBatch<Input, Type> | undefined>[] = [];
  const begin = () => {
    const batch = ending.before(embedNext());
    batch.catch(() => {}); // it is thrown when its turn comes
    begun.push(batch);
  };
  try {
    while (begun.length < BATCHES_AT_A_TIME) begin();
    for (;;) {
      const batch = await begun.shift();
      if (batch === undefined) return;
      begin();
      yield batch;
    }
  } finally {
    ending.fail(stopped());
    await Promise.allSettled(begun);
    // A sequence that is waited for ends only after its next picture, which may never come.
    const ended = groups.return();
    if (waiting === 0) await ended;
    else ended.catch(() => {});
  }
}

/** Pictures in groups of `size`, in order; the last one may be smaller. */
async function* groupsOf<Input>(
  pictures: Iterable<Input> | AsyncIterable<Input>,
  size: number,
): AsyncGenerator<Input[], void> {
  let [group, index] = [[] as Input[], 0];
  for await (const picture of pictures) {
    if (!isPictureInput(picture)) throw noPicture(index, picture);
    group.push(picture);
    index += 1;
    if (group.length < size) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}

function noPicture(index: number, value: unknown): MocoError {
  const message = `embedStream() was given a wrong picture ${index}: expected ${PICTURE}, given ${shown(value)}`;
  return new MocoError('ERR_MOCO_CONFIG', message);
}

async function embedGroup<Input extends PictureInput, Type extends RowType>(
  encoder: PictureEmbedder,
  group: readonly Input[],
  options: EmbedOptions<Type>,
): Promise<EmbeddedBatch<Input, Type>> {
  const read = await Promise.all(group.map((path) => encoder.pixelsOf(path, options.signal)));
  const paths: Input[] = [];
  const pixels: Uint8Array[] = [];
  const failures: { path: Input; reason: string }[] = [];
  for (const [index, picture] of read.entries()) {
    const path = group[index] as Input;
    if ('reason' in picture) failures.push({ path, reason: picture.reason });
    else {
      paths.push(path);
      pixels.push(picture);
    }
  }
  return { paths, failures, ...(await encoder.embedPixels(pixels, options)) };
}
