import { FormatError, quoted } from './formatError.js';
import { PickledObject, PickleGlobal, PickleTuple, type PickleValue } from './pickleValue.js';

/** The functions that make NumPy's arrays, in NumPy 2 and before. */
const RECONSTRUCT = /^numpy\._?core\.multiarray\._reconstruct$/;
const FROM_BUFFER = /^numpy\._?core\.numeric\._frombuffer$/;

/** A NumPy array of `uint8`, row by row. */
export interface ByteArray {
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/**
 * The NumPy array that a value in a pickle describes; undefined for any other value.
 * @throws FormatError where it is not one of `uint8` in C order, or has more or fewer bytes than its
 *   shape
 */
export function byteArrayOf(value: PickleValue | undefined): ByteArray | undefined {
  const parts = partsOf(value);
  if (parts === undefined) return undefined;
  const { shape: lengths, dtype, isFortran, content } = parts;
  const type = dtype instanceof PickledObject ? dtype.args[0] : undefined;
  if (type !== 'u1') {
    throw new FormatError(`its array has elements of type ${quoted(String(type))}, expected uint8`);
  }
  if (isFortran !== false) {
    throw new FormatError(
      'its array is stored column by column',
      'Save numpy.ascontiguousarray of it.',
    );
  }
  // What Python 2 wrote may be a text by chance: any bytes below 128 are.
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  const shape = lengths instanceof PickleTuple ? lengths.items : [];
  const elements = shape.reduce((product: number, length) => product * Number(length), 1);
  if (!(bytes instanceof Buffer) || bytes.length !== elements) {
    const held = bytes instanceof Buffer ? `${bytes.length} bytes` : 'no bytes';
    throw new FormatError(`its array of shape (${shape.map(String).join(', ')}) has ${held}`);
  }
  return { shape: shape.map(Number), bytes };
}

/** What describes an array, unchecked; undefined for anything else. */
function partsOf(value: PickleValue | undefined) {
  if (!(value instanceof PickledObject) || !(value.callable instanceof PickleGlobal)) return;
  const { callable, args, state } = value;
  if (FROM_BUFFER.test(callable.name)) {
    const [content, dtype, shape, order] = args;
    return { shape, dtype, isFortran: order !== 'C', content };
  }
  if (!RECONSTRUCT.test(callable.name)) return undefined;
  const [, shape, dtype, isFortran, content] = state instanceof PickleTuple ? state.items : [];
  return { shape, dtype, isFortran, content };
}
