import { ELEMENT_BYTES } from './dtype.js';
import { FormatError, quoted } from './formatError.js';
import type { StoredTensor } from './tensorFile.js';

/** Characters that the name of a tensor may have. */
export const MAX_NAME_LENGTH = 1000;

/**
 * Tensors may share bytes, and the elements of an expanded one do, so that together they may have
 * more bytes than the file. They may have this many times as many, or as many as this.
 */
const [MAX_EXPANSION, MAX_SMALL] = [4, 2 ** 28];

/**
 * Makes sure that the tensors can be read as they are described: every element lies in its storage,
 * every storage in the file, and nothing in the file asks for much more memory than the file has.
 * @param fileSize bytes
 * @throws FormatError naming the tensor
 */
export function requireReadable(tensors: readonly StoredTensor[], fileSize: number): void {
  let bytes = 0;
  for (const tensor of tensors) {
    requireShort(tensor.name);
    const problem = problemOf(tensor, fileSize);
    if (problem !== undefined) throw new FormatError(`tensor ${quoted(tensor.name)} ${problem}`);
    bytes += elementCount(tensor.shape) * ELEMENT_BYTES[tensor.dtype];
  }
  if (bytes > Math.max(MAX_SMALL, MAX_EXPANSION * fileSize)) {
    throw new FormatError(
      `its tensors would take ${bytes} bytes, and it has only ${fileSize}`,
      'Save expanded tensors (stride 0) without what repeats, or leave them out.',
    );
  }
}

/** Number of elements of a tensor; for an impossible shape, more than a safe integer. */
export function elementCount(shape: readonly number[]): number {
  return shape.includes(0) ? 0 : shape.reduce((product, size) => product * size, 1);
}

/**
 * Strides, in elements, of a tensor that lies in memory without gaps, the last dimension fastest.
 */
export function contiguousStrides(shape: readonly number[]): number[] {
  return shape.map((_, dimension) => extent(shape.slice(dimension + 1)));
}

/** Number of elements with empty dimensions counted as one, which PyTorch must be able to hold. */
function extent(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * Math.max(size, 1), 1);
}

/**
 * Refuses long names: a tensor's name holds those of all containers around it, and long ones would
 * take more memory than the file has bytes.
 */
function requireShort(name: string): void {
  if (name.length <= MAX_NAME_LENGTH) return;
  throw new FormatError(`the name ${quoted(name)} has ${name.length} characters`);
}

function problemOf(tensor: StoredTensor, fileSize: number): string | undefined {
  const { dtype, shape, strides, firstElement, storage } = tensor;
  if (strides.length !== shape.length) {
    return `has ${shape.length} dimensions, and strides for ${strides.length}`;
  }
  if (![...shape, ...strides, extent(shape)].every(Number.isSafeInteger)) {
    return 'has dimensions out of range';
  }
  if (storage.offset + storage.bytes > fileSize) {
    const end = storage.offset + storage.bytes;
    return `ends at byte ${end}, and the file has only ${fileSize} bytes`;
  }
  const held = storage.bytes / ELEMENT_BYTES[dtype];
  const elements = elementCount(shape);
  const last = strides.reduce(
    (sum, stride, dimension) => sum + stride * Math.max(0, (shape[dimension] as number) - 1),
    firstElement,
  );
  const end = elements === 0 ? firstElement : last + 1;
  return end > held ? `reaches element ${end - 1} of a storage of ${held}` : undefined;
}
