import { readFile } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { throwIfAborted } from '../abort.js';
import { checksumOf } from '../download/checksum.js';
import { MocoError } from '../error.js';
import { FormatError } from '../formats/formatError.js';
import { readPickle } from '../formats/pickle.js';
import { byteArrayOf } from '../formats/pickledArray.js';
import type { PickleValue } from '../formats/pickleValue.js';
import { dataError, unreadable } from './cifarFolder.js';
import { putPicture, type ReadOptions, type RecordTarget, requireLabel } from './cifarRecords.js';
import type { CifarVariant } from './cifarVariant.js';
import { PICTURE_BYTES, PICTURE_SIDE } from './dataset.js';

/** Pictures that are copied in one turn of the event loop. */
const SLICE = 500;

/** The shapes in which pictures are stored, after the number of pictures. */
const PICTURE_SHAPES = [`${PICTURE_BYTES}`, `3,${PICTURE_SIDE},${PICTURE_SIDE}`];

/** What a data file of the version for Python holds. */
interface PythonBatch {
  /** The labels that are used, one for each picture. */
  readonly labels: readonly PickleValue[];
  /** N × 3 × 32 × 32 bytes, planes of R, G and B. */
  readonly planes: Uint8Array;
}

/** How many pictures a data file holds. @throws MocoError `ERR_MOCO_DATA` for a damaged file */
export async function countPythonRecords(variant: CifarVariant, path: string): Promise<number> {
  return (await readBatch(variant, path)).labels.length;
}

/**
 * Reads the first pictures of a data file of the version for Python: a pickled dictionary. Nothing in
 * it is run.
 * @returns the file's MD5, with `hashed`
 * @throws MocoError `ERR_MOCO_DATA` for a damaged file or a wrong label, `ERR_MOCO_ABORTED`
 */
export async function readPythonRecords(
  variant: CifarVariant,
  path: string,
  { pixels, labels }: RecordTarget,
  { hashed, signal }: ReadOptions,
): Promise<string | undefined> {
  const batch = await readBatch(variant, path);
  for (let index = 0; index < labels.length; index++) {
    if (index % SLICE === 0) {
      await nextTurn();
      throwIfAborted(signal, 'loading the data set');
    }
    const [first, end] = [index * PICTURE_BYTES, (index + 1) * PICTURE_BYTES];
    const label = batch.labels[index];
    requireLabel(
      variant,
      { path, record: index, layout: 'python' },
      variant.labels.length - 1,
      label,
    );
    labels[index] = label;
    putPicture(batch.planes.subarray(first, end), pixels.subarray(first, end));
  }
  return hashed ? await checksumOf(path, 'md5', signal) : undefined;
}

/** The names of the classes in the version for Python; none where its file does not list them. */
export async function readPythonClasses(variant: CifarVariant, path: string): Promise<string[]> {
  const names = await readDictionary(variant, path, (entry) => entry(variant.python.classes.key));
  const isText = (name: PickleValue) => typeof name === 'string' && name !== '';
  return Array.isArray(names) && names.every(isText) ? names.map(String) : [];
}

async function readBatch(variant: CifarVariant, path: string): Promise<PythonBatch> {
  return await readDictionary(variant, path, (entry) => {
    const key = variant.python.labels;
    const [labels, data] = [entry(key), byteArrayOf(entry('data'))];
    if (!Array.isArray(labels)) {
      const hint = `Save it as one: {"data": …, "${key}": labels.tolist()}.`;
      throw new FormatError(`it has no list of integers "${key}"`, hint);
    }
    if (data === undefined) throw new FormatError('it has no NumPy array "data"');
    const [pictures, ...shape] = data.shape;
    if (!PICTURE_SHAPES.includes(shape.join()) || pictures === 0) {
      const given = `(${data.shape.join(', ')})`;
      throw new FormatError(`its "data" has the shape ${given}, expected (N, ${PICTURE_BYTES})`);
    }
    if (labels.length !== pictures) {
      throw new FormatError(`it has ${pictures} pictures and ${labels.length} labels`);
    }
    return { labels, planes: data.bytes };
  });
}

/**
 * Reads a pickled dictionary.
 * @param take gets a function that gives what a name stands for, and what it returns is returned
 */
async function readDictionary<T>(
  variant: CifarVariant,
  path: string,
  take: (entry: (name: string) => PickleValue | undefined) => T,
): Promise<T> {
  const bytes = await readFile(path).catch((cause: unknown) =>
    Promise.reject(unreadable(path, cause)),
  );
  try {
    const { value } = readPickle(bytes);
    if (!(value instanceof Map)) throw new FormatError('it holds no dictionary');
    // A name is bytes where it was read as such from what Python 2 wrote, and saved again.
    const entries = new Map([...value].map(([name, item]) => [String(name), item]));
    return take((name) => entries.get(name));
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause;
    const { message, hint } = dataError(variant, `${path}: ${cause.message}`, 'python');
    throw new MocoError('ERR_MOCO_DATA', message, { hint: `${cause.hint} ${hint}`, cause });
  }
}
