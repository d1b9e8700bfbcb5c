import { z } from 'zod';
import { FormatError } from '../formats/formatError.js';
import { type FileKind, type MocoTensors, readMocoFile } from '../formats/mocoFile.js';
import { FEATURE_FORMAT, type FeatureMeta, featureMetaSchema } from './featureMeta.js';
import {
  type FeatureLists,
  type FeatureRows,
  NO_LABEL,
  type Unembedded,
} from './featureTensors.js';

/** A feature file: where its features lie, and all else that it holds. */
export interface FeatureFile extends FeatureRows, FeatureLists {
  readonly path: string;
  /** Of the first row, from the start of the file; a multiple of 64. Rows follow without gaps. */
  readonly offset: number;
  /** CRC-32 (zlib's) of all bytes of the features, which were not read. */
  readonly crc32: number;
  readonly broken: readonly Unembedded[];
  readonly meta: FeatureMeta;
}

const FEATURES: FileKind<FeatureMeta> = {
  format: FEATURE_FORMAT,
  made: { key: 'features', schema: featureMetaSchema },
  otherwise: 'it is no file of features',
  hint: 'The file is damaged, or something else: write it again, as with `moco embed --out features.safetensors`.',
};

/** What whoever maps the file into memory may expect. */
const ALIGNMENT = 64;

const strings = z.array(z.string());
const brokenSchema = z.array(z.object({ name: z.string(), reason: z.string() }));

/**
 * Reads a feature file, apart from the features themselves: everything else is compared with its
 * checksum, and checked.
 * @throws MocoError `ERR_MOCO_DATA` for a file that cannot be read, is none, or is damaged
 */
export async function readFeatureFile(path: string): Promise<FeatureFile> {
  return await readMocoFile(path, FEATURES, async (tensors, meta) => ({
    ...{ path, meta },
    ...placeOf(tensors),
    ...(await listsOf(tensors, placeOf(tensors).count)),
  }));
}

function placeOf(tensors: MocoTensors): FeatureRows & Pick<FeatureFile, 'offset' | 'crc32'> {
  const { dtype, shape, storage } = tensors.place('features', ['F32', 'F16'], [-1, -1]);
  const [count, dims] = shape as [number, number];
  if (count < 1 || dims < 1) throw new FormatError(`it has ${count} features of ${dims} numbers`);
  if (storage.offset % ALIGNMENT !== 0) {
    const place = `begin at byte ${storage.offset}, which is no multiple of ${ALIGNMENT}`;
    throw new FormatError(`its features ${place}`);
  }
  const rows = { dtype: dtype as FeatureRows['dtype'], count, dims };
  return { ...rows, offset: storage.offset, crc32: storage.crc32 as number };
}

async function listsOf(tensors: MocoTensors, count: number) {
  const ids = await tensors.json('ids', strings);
  if (ids.length !== count) throw new FormatError(`it has ${count} rows and ${ids.length} ids`);
  const classes = tensors.has('classes') ? await tensors.json('classes', strings) : undefined;
  const labels = tensors.has('labels')
    ? await labelsOf(tensors, count, classes?.length ?? 0)
    : undefined;
  const broken = tensors.has('broken') ? await tensors.json('broken', brokenSchema) : [];
  return { ids, classes, labels, broken };
}

async function labelsOf(tensors: MocoTensors, count: number, classes: number): Promise<Int32Array> {
  const labels = new Int32Array((await tensors.words('labels', 'I32', [count])).buffer);
  const wrong = labels.findIndex((label) => label < NO_LABEL || label >= classes);
  if (wrong < 0) return labels;
  throw new FormatError(`row ${wrong} has the label ${labels[wrong]}, which there is not`);
}
