import { dirname } from 'node:path';
import { requireSpace } from '../disk/freeSpace.js';
import { outputError } from '../disk/outputError.js';
import { FEATURE_BYTES } from '../features/featureTensors.js';
import { PartialFeatures } from '../features/partialFeatures.js';
import type { FeatureContent } from '../features/writeFeatureFile.js';
import { byName } from '../pictures/names.js';
import { noneReadable, refused } from '../pictures/pack.js';
import type { BrokenFile } from '../pictures/source.js';
import type { EmbedResult } from './embedEvents.js';
import type { EmbedRequest } from './embedRequest.js';
import { type FeatureModel, keyOf, metaOf, modelOf, rowsOf } from './embedRequest.js';
import { embedRest, type Watched } from './embedRest.js';

/** About what a picture takes beside its features, in bytes. */
const BYTES_BESIDE = 128;

/**
 * Embeds the pictures of a source and writes the files, or goes on where an earlier process stopped.
 * @throws MocoError as `embedPictures`
 */
export async function embedInto(request: EmbedRequest, watched: Watched): Promise<EmbedResult> {
  const { config, settings, encoder, source, output, onEvent } = request;
  const { description } = encoder;
  const { strict, normalize, dtype } = settings;
  if (strict && source.broken.length > 0) throw refused(source, source.broken);
  const model = await modelOf(description, watched.signal);
  await using partial = await openPartial(request, model);
  const { places, count: pictures } = source;
  await onEvent?.({ type: 'start', config, description, places, pictures, done: partial.next });
  for (const message of noticesOf(request, partial)) await onEvent?.({ type: 'warning', message });
  const asked = { output: settings.output, normalize, dtype };
  await embedRest({ encoder, source, partial, out: output.paths[0], asked, strict }, watched);
  const content = contentOf(request, partial, model);
  const { count, dims, broken, classes } = content;
  if (count === 0) {
    await partial.remove();
    throw noneReadable(source, broken);
  }
  try {
    await output.format.finish(output.paths[0], content, partial);
    await partial.remove();
  } catch (cause) {
    throw outputError(output.paths[0], cause);
  }
  const written = { files: output.paths, format: output.formatName, broken };
  return { ...written, classes: classes ?? [], dims: [count, dims], description };
}

async function openPartial(request: EmbedRequest, model: FeatureModel): Promise<PartialFeatures> {
  const { source, output } = request;
  const { reserved, bytesPerNumber } = output.format;
  const { dims, dtype } = rowsOf(request);
  const [target] = output.paths;
  const rowBytes = dims * FEATURE_BYTES[dtype];
  const partial = await PartialFeatures.open({
    ...{ target, rowBytes, reserved: reserved(metaOf(request, model)) },
    key: keyOf(request, model),
    requireMine: () => output.requireMine(),
  });
  try {
    const left = (source.count - partial.next) * rowBytes;
    const bytes = left + source.count * (BYTES_BESIDE + dims * bytesPerNumber);
    const hint = 'Free some space, choose another folder, or write fp16.';
    const what = `the features of ${source.count} pictures`;
    await requireSpace(dirname(target), bytes, { what, hint });
    return partial;
  } catch (error) {
    await partial[Symbol.asyncDispose]();
    throw error;
  }
}

function noticesOf({ encoder, source }: EmbedRequest, partial: PartialFeatures): string[] {
  const other =
    'what an earlier run left is of other pictures, of another model or with other settings: this one begins anew';
  const own = partial.replacesOther ? [other] : [];
  return [...own, ...encoder.description.notices, ...source.notices];
}

/** All that is written beside the rows. */
function contentOf(
  request: EmbedRequest,
  partial: PartialFeatures,
  model: FeatureModel,
): FeatureContent & { readonly broken: readonly BrokenFile[] } {
  const { source } = request;
  const candidates = [...partial.candidates()];
  const found = partial.broken.map(([candidate, reason]) => ({
    name: source.id(candidate),
    reason,
  }));
  const hasLabels = source.classes.length > 0;
  return {
    ...rowsOf(request),
    count: partial.count,
    ids: candidates.map((candidate) => source.id(candidate)),
    ...(hasLabels && {
      labels: Int32Array.from(candidates, (candidate) => source.label(candidate)),
      classes: source.classes,
    }),
    broken: byName([...source.broken, ...found]),
    meta: metaOf(request, model),
  };
}
