import type { FeatureFormat } from '#moco/features/featureFormat.js';
import { FEATURE_BYTES } from '#moco/features/featureTensors.js';
import { PartialFeatures, type PartialRequest } from '#moco/features/partialFeatures.js';
import type { FeatureContent } from '#moco/features/writeFeatureFile.js';

/** What a partial file for this content is of. */
export function partialRequest(
  target: string,
  content: FeatureContent,
  format: FeatureFormat,
): PartialRequest {
  const { dims, dtype, meta } = content;
  return {
    ...{ target, key: 'same', requireMine: () => {} },
    ...{ reserved: format.reserved(meta), rowBytes: dims * FEATURE_BYTES[dtype] },
  };
}

/** Writes features in a format, as a run does that nothing interrupts. */
export async function writeAs(
  format: FeatureFormat,
  target: string,
  content: FeatureContent,
  bytes: Uint8Array,
): Promise<void> {
  await using partial = await PartialFeatures.open(partialRequest(target, content, format));
  await partial.add({ next: content.count, bytes, broken: [] });
  await format.finish(target, content, partial);
  await partial.remove();
}
