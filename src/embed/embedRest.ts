import { MocoError } from '../error.js';
import type { Rows } from '../features/featureBlock.js';
import type { PartialFeatures } from '../features/partialFeatures.js';
import { type PicturesProgress, Reports } from '../pictures/reports.js';
import type { EmbedSource } from './embedSource.js';
import type { EmbedOptions, Encoder, RawPicture } from './encoder.js';

/** What is embedded, with what, and into what. */
export interface Embedding {
  readonly encoder: Encoder;
  readonly source: EmbedSource;
  readonly partial: PartialFeatures;
  /** The final file, for messages. */
  readonly out: string;
  /** What is made of the pictures. */
  readonly asked: Pick<EmbedOptions, 'normalize' | 'output' | 'dtype'>;
  /** Ends at the first picture that is broken. */
  readonly strict: boolean;
}

/** How the caller listens and ends it. */
export interface Watched {
  readonly tell: (progress: PicturesProgress) => void;
  readonly signal: AbortSignal;
}

/**
 * Embeds the candidates that are not in the partial file yet, and adds them to it. Each batch is one
 * request, and the only one at its time, so that it is computed in the same way whenever it is:
 * what is begun again gives the same bytes. The next one is read meanwhile.
 * @throws MocoError `ERR_MOCO_ABORTED`, `_DATA` with `strict`, `_OUTPUT`, and as `Encoder.embed`
 */
export async function embedRest(embedding: Embedding, { tell, signal }: Watched): Promise<void> {
  const { encoder, source, partial, out, asked, strict } = embedding;
  const reports = new Reports(out, partial.next, source.count, tell);
  const report = () => reports.report(partial.next, source.broken.length + partial.broken.length);
  const batches = batchesOf(source, partial.next, encoder.description.batchSize);
  report();
  try {
    let coming = batches.next();
    for (;;) {
      const { done, value: batch } = await coming;
      if (done) return;
      coming = batches.next();
      coming.catch(() => {}); // it is thrown when its turn comes
      if (signal.aborted) throw stopped(embedding, signal);
      if (strict) requireWhole(source, batch);
      const { data } = await encoder.embed(batch.pictures, { ...asked, signal });
      await partial.add({
        ...batch,
        bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
      });
      report();
    }
  } catch (error) {
    throw signal.aborted ? stopped(embedding, signal) : error;
  } finally {
    await batches.return();
  }
}

/** Pictures one after the other, and those between and before them that are broken. */
interface Batch extends Pick<Rows, 'next' | 'broken'> {
  readonly pictures: readonly RawPicture[];
}

/** @param size how many pictures a batch has; the last one may have fewer, or none */
async function* batchesOf(
  source: EmbedSource,
  first: number,
  size: number,
): AsyncGenerator<Batch, void> {
  let [next, pictures, broken] = [first, [] as RawPicture[], [] as Rows['broken']];
  for await (const picture of source.read(first)) {
    if ('reason' in picture) broken.push([next, picture.reason]);
    else pictures.push(picture);
    next += 1;
    if (pictures.length < size) continue;
    yield { next, pictures, broken };
    [pictures, broken] = [[], []];
  }
  if (pictures.length + broken.length > 0) yield { next, pictures, broken };
}

function stopped({ partial, source, out }: Embedding, signal: AbortSignal): MocoError {
  const message = `embedding into ${out} was stopped after ${partial.next} of ${source.count} pictures`;
  return new MocoError('ERR_MOCO_ABORTED', message, {
    hint: 'The same command goes on from there.',
    cause: signal.reason,
  });
}

/** @throws MocoError `ERR_MOCO_DATA` where a picture is broken */
function requireWhole(source: EmbedSource, { broken: [first] }: Batch): void {
  if (first === undefined) return;
  const [candidate, reason] = first;
  throw new MocoError('ERR_MOCO_DATA', `${source.id(candidate)}: ${reason}`, {
    hint: 'Repair or remove it, or go on without it by leaving --strict out. `moco data info` lists all that are broken.',
  });
}
