import type { ServiceLimits } from '../config/serveConfig.js';
import type { Embeddings, EmbedOptions, Encoder, RowType } from '../embed/encoder.js';
import { pictureSize } from '../pictures/decode.js';
import { RequestError, unavailable } from './requestError.js';
import type { RequestPicture } from './requestPictures.js';

type Limits = Pick<ServiceLimits, 'maxPixels' | 'maxQueue'>;

type Picture = RequestPicture['picture'];

/**
 * Embeds the pictures of a request.
 * @returns a row for each, in their order
 * @throws RequestError 422 that names every picture which is broken or has too many pixels, 503 where
 * too many pictures wait already
 */
export async function embedPictures<Type extends RowType>(
  encoder: Encoder,
  pictures: readonly RequestPicture[],
  options: EmbedOptions<Type>,
  limits: Limits,
): Promise<Embeddings<Type>> {
  requireRoom(encoder, limits);
  const problems = await oversized(pictures, limits);
  const taken = pictures.map(({ picture }) => picture).filter((picture) => !problems.has(picture));
  // All in one batch, so that its rows are those of the request.
  const stream = encoder.embedStream(taken, { ...options, batchSize: pictures.length });
  const { value: batch } = await stream.next();
  for (const { path, reason } of batch?.failures ?? []) problems.set(path, reason);
  if (problems.size > 0) throw unreadable(pictures, problems);
  return batch as Embeddings<Type>;
}

function requireRoom(encoder: Encoder, { maxQueue }: Limits): void {
  const { admitted, heldBack } = encoder.statistics();
  if (admitted + heldBack < maxQueue) return;
  const message = `${maxQueue} pictures are in work already, the most that the service takes`;
  throw unavailable('busy', message, 'Try again after the time in Retry-After.');
}

/** Why some pictures are not decoded, by what would be decoded. */
async function oversized(
  pictures: readonly RequestPicture[],
  { maxPixels }: Limits,
): Promise<Map<Picture, string>> {
  const problems = new Map<Picture, string>();
  for (const { picture } of pictures) {
    const size = Buffer.isBuffer(picture) ? await pictureSize(picture) : picture;
    if ('reason' in size) problems.set(picture, size.reason);
    else if (size.width * size.height > maxPixels * 1e6) {
      const pixels = `${size.width} × ${size.height} pixels`;
      problems.set(picture, `${pixels}, and at most ${maxPixels} million are decoded`);
    }
  }
  return problems;
}

function unreadable(
  pictures: readonly RequestPicture[],
  problems: ReadonlyMap<Picture, string>,
): RequestError {
  const lines = pictures
    .filter(({ picture }) => problems.has(picture))
    .map(({ name, picture }) => `${name}: ${problems.get(picture)}`);
  return new RequestError(422, 'unreadable_picture', lines.join('\n'), {
    hint: 'Send the other pictures without these.',
  });
}
