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

async function countNonFinite(file: InputFile, tensor: StoredTensor): Promise<number> {
  const { dtype, storage, firstElement } = tensor;
  const exponent = EXPONENTS[dtype];
  if (exponent === undefined || tensor.shape.includes(0)) return 0;
  const size = ELEMENT_BYTES[dtype];
  const span = lastElement(tensor) - firstElement + 1;
  const isElement = membership(tensor, span);
  const buffer = Buffer.from(new ArrayBuffer(size * Math.min(CHUNK, span)));
  let count = 0;
  for (let start = 0; start < span; start += CHUNK) {
    const part = buffer.subarray(0, size * Math.min(CHUNK, span - start));
    await file.readInto(part, storage.offset + size * (firstElement + start));
    if (storage.bigEndian !== undefined) swap(part, size);
    eachNonFinite(part, size, exponent, (place) => {
      if (isElement(start + place)) count++;
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

function lastElement({ shape, strides, firstElement }: StoredTensor): number {
  return shape.reduce(
    (last, size, dimension) => last + (size - 1) * (strides[dimension] as number),
    firstElement,
  );
}

/** Tells whether the element so many places after a tensor's first one belongs to it. */
function membership({ shape, strides }: StoredTensor, span: number): (place: number) => boolean {
  const dimensions = shape
    .map((size, dimension) => ({ size, stride: strides[dimension] as number }))
    .filter(({ size, stride }) => size > 1 && stride > 0)
    .sort((a, b) => b.stride - a.stride);
  const isDense = dimensions.reduce((product, { size }) => product * size, 1) === span;
  if (isDense) return () => true;
  return (place) => {
    const rest = dimensions.reduce(
      (rest, { size, stride }) => rest - stride * Math.min(Math.floor(rest / stride), size - 1),
      place,
    );
    return rest === 0;
  };
}
