import type { FeatureContent } from '#moco/features/writeFeatureFile.js';

/** The numbers of a small file of features: 0, 0.5, 1 … */
export function featureValues(count: number, dims: number): Float32Array {
  return Float32Array.from({ length: count * dims }, (_, at) => at / 2);
}

/** The bytes of an array. */
export function bytesOf({ buffer, byteOffset, byteLength }: NodeJS.TypedArray): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** What a small feature file holds beside its features. */
export function featureContent(change: Partial<FeatureContent> = {}): FeatureContent {
  return {
    ...{ dtype: 'F32', count: 3, dims: 2 },
    ids: ['a.jpg', 'sub/b, "c".png', 'é\n.webp'],
    labels: Int32Array.of(1, -1, 0),
    classes: ['cat', 'dog'],
    broken: [{ name: 'd.jpg', reason: 'the file is empty' }],
    meta: { version: 1, mocoVersion: '0.0.0', normalized: false, output: 'features' },
    ...change,
  };
}
