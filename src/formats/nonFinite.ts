import { throwIfAborted } from '../abort.js';
import type { Dtype } from './dtype.js';
import { ELEMENT_BYTES } from './dtype.js';
import { type InputFile, withInputFile } from './inputFile.js';
import type { StoredTensor, TensorFile } from './tensorFile.js';

/** A tensor with values that are NaN or infinite. */
export interface NonFiniteTensor {
  readonly name: string;
  /** How many of its values are. */
  readonly values: number;
}

/** Elements that are read at a time. */
const CHUNK = 1 << 18;

/** How many times as many elements as a view has are read for it at most. */
const MAX_GAPS = 64;

/**
 * The bits of the exponent in the upper half of a number (of the whole one, where it has 16 bits):
 * all are set where it is NaN or infinite, and only there.
 */
const EXPONENTS: Readonly<Partial<Record<Dtype, number>>> = {
  F64: 0x7ff0_0000,
  F32: 0x7f80_0000,
  F16: 0x7c00,
  BF16: 0x7f80,
};

/**
 * Reads the tensors of floating-point numbers and counts the values that are not finite. Of values
 * that a tensor repeats (stride 0), each counts once.
 * @returns the tensors that have some, in order
 * @throws MocoError `ERR_MOCO_CHECKPOINT` where the file cannot be read; `_ABORTED` after the signal
 */
export function findNonFinite(
  { path, tensors }: Pick<TensorFile, 'path' | 'tensors'>,
  signal?: AbortSignal | undefined,
): Promise<NonFiniteTensor[]> {
  return withInputFile(path, async (file) => {
    const found: NonFiniteTensor[] = [];
    for (const tensor of tensors) {
      throwIfAborted(signal, `reading ${path}`);
      const values = await countNonFinite(file, tensor);
      if (values > 0) found.push({ name: tensor.name, values });
    }
    return found;
  });
}

/** Elements of a storage: those at `first`, and as far from it as the dimensions say. */
interface View {
  readonly file: InputFile;
  readonly storage: StoredTensor['storage'];
  /** Bytes of an element. */
  readonly size: number;
  /** The bits of its exponent. */
  readonly exponent: number;
  readonly first: number;
  /** The one of the longest stride first; none in which all elements are the same. */
  readonly dimensions: readonly Dimension[];
}

interface Dimension {
  readonly length: number;
  readonly stride: number;
}

function countNonFinite(
  file: InputFile,
  { dtype, storage, shape, strides, firstElement: first }: StoredTensor,
): Promise<number> {
  const exponent = EXPONENTS[dtype];
  if (exponent === undefined || shape.includes(0)) return Promise.resolve(0);
  const dimensions = shape
    .map((length, dimension) => ({ length, stride: strides[dimension] as number }))
    .filter(({ length, stride }) => length > 1 && stride > 0)
    .sort((a, b) => b.stride - a.stride);
  return countIn({ file, storage, size: ELEMENT_BYTES[dtype], exponent, first, dimensions });
}

/** Reads a view with all that lies between its elements, or in parts where that is too much. */
async function countIn(view: View): Promise<number> {
  const { first, dimensions } = view;
  const span = 1 + dimensions.reduce((sum, { length, stride }) => sum + (length - 1) * stride, 0);
  const elements = dimensions.reduce((product, { length }) => product * length, 1);
  if (span <= MAX_GAPS * elements) return countInSpan(view, span, span === elements);
  const [longest, ...rest] = dimensions as [Dimension, ...Dimension[]];
  let count = 0;
  for (let i = 0; i < longest.length; i++) {
    count += await countIn({ ...view, first: first + i * longest.stride, dimensions: rest });
  }
  return count;
}

async function countInSpan(view: View, span: number, isDense: boolean): Promise<number> {
  const { file, storage, size, exponent, first, dimensions } = view;
  const buffer = Buffer.from(new ArrayBuffer(size * Math.min(CHUNK, span)));
  let count = 0;
  for (let start = 0; start < span; start += CHUNK) {
    const part = buffer.subarray(0, size * Math.min(CHUNK, span - start));
    await file.readInto(part, storage.offset + size * (first + start));
    if (storage.bigEndian !== undefined) swap(part, size);
    eachNonFinite(part, size, exponent, (place) => {
      if (isDense || isElement(dimensions, start + place)) count++;
    });
  }
  return count;
}

/** Calls `found` with the place of every element that is not finite. */
function eachNonFinite(
  { buffer, length }: Buffer,
  size: number,
  exponent: number,
  found: (place: number) => void,
): void {
  const elements = length / size;
  const words = size === 2 ? new Uint16Array(buffer, 0, elements) : new Uint32Array(buffer);
  const [step, upper] = size === 8 ? [2, 1] : [1, 0];
  for (let place = 0; place < elements; place++) {
    if (((words[step * place + upper] as number) & exponent) === exponent) found(place);
  }
}

function swap(numbers: Buffer, size: number): void {
  if (size === 2) numbers.swap16();
  else if (size === 4) numbers.swap32();
  else numbers.swap64();
}

/** Whether the element so many places after a view's first one belongs to it. */
function isElement(dimensions: readonly Dimension[], place: number): boolean {
  const rest = dimensions.reduce(
    (rest, { length, stride }) => rest - stride * Math.min(Math.floor(rest / stride), length - 1),
    place,
  );
  return rest === 0;
}
