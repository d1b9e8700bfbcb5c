import { jsonTensor, padding, type WrittenTensor, writtenTensor } from '../formats/mocoHeader.js';

/** The number formats of features, by safetensors' names. */
export type FeatureDtype = 'F32' | 'F16';

/** Bytes of one number. */
export const FEATURE_BYTES: Readonly<Record<FeatureDtype, number>> = { F32: 4, F16: 2 };

/** The label of a picture that has none. */
export const NO_LABEL = -1;

/** A picture that gave no features, and why. */
export interface Unembedded {
  readonly name: string;
  readonly reason: string;
}

/** The features in a file. */
export interface FeatureRows {
  readonly dtype: FeatureDtype;
  /** Number of rows, and of numbers in each. */
  readonly count: number;
  readonly dims: number;
}

/** What lies beside the features. */
export interface FeatureLists {
  /** One for each row: names of files, or what else the vectors are of. */
  readonly ids: readonly string[];
  /** One for each row: an index into `classes`, or −1. */
  readonly labels?: Int32Array | undefined;
  readonly classes?: readonly string[] | undefined;
  readonly broken?: readonly Unembedded[] | undefined;
}

/**
 * All tensors of a feature file, in the order of their bytes.
 * @param rows with the checksum of their bytes, which are in the file already
 * @param offset of the first row in the file
 */
export function featureTensors(
  { dtype, count, dims, crc32 }: FeatureRows & { readonly crc32: number },
  { ids, labels, classes, broken }: FeatureLists,
  offset: number,
): WrittenTensor[] {
  const bytes = count * dims * FEATURE_BYTES[dtype];
  return [
    { name: 'features', dtype, shape: [count, dims], bytes, crc32 },
    ...padding(offset + bytes),
    ...(labels ? [writtenTensor('labels', 'I32', labels)] : []),
    jsonTensor('ids', ids),
    ...(classes ? [jsonTensor('classes', classes)] : []),
    ...(broken ? [jsonTensor('broken', broken)] : []),
  ];
}
