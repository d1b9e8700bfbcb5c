import { ELEMENT_BYTES, isDtype } from './dtype.js';
import { FormatError, quoted, shortened } from './formatError.js';
import type { InputFile } from './inputFile.js';
import { mocoChecksums } from './mocoChecksums.js';
import { OpaqueCollection } from './opaqueValues.js';
import { parseHeader, type SafetensorsHeader } from './safetensorsHeader.js';
import { contiguousStrides, elementCount } from './storedTensors.js';
import type { StoredTensor, TensorFileContent } from './tensorFile.js';

/** Bytes in front of the header: its length (uint64). */
const LENGTH_BYTES = 8;

/** The largest header that the format allows; that of a ResNet-50 has 40 kB. */
const MAX_HEADER_BYTES = 100_000_000;

/**
 * Reads the index of a safetensors file: the header's length, the header (JSON), and then the
 * tensors' bytes without a gap. Of a file that moco wrote, header and tensors have checksums.
 * @throws FormatError
 */
export async function readSafetensors(file: InputFile): Promise<TensorFileContent> {
  const length = Number((await file.read(0, LENGTH_BYTES)).readBigUInt64LE());
  if (length > MAX_HEADER_BYTES) {
    throw new FormatError(`its header has ${length} bytes, expected at most ${MAX_HEADER_BYTES}`);
  }
  const bytes = await file.read(LENGTH_BYTES, length);
  const header = parseHeader(bytes);
  const checksums = mocoChecksums(bytes, header);
  const start = LENGTH_BYTES + length;
  const { tensors, opaque } = locateTensors(header, start, file.size, checksums);
  return { tensors, scalars: new Map(), opaque: opaque.values(), metadata: header.metadata };
}

interface Located {
  readonly tensors: StoredTensor[];
  readonly opaque: OpaqueCollection;
}

/** Finds where the tensors lie; they are in the order of their bytes. */
function locateTensors(
  { tensors }: SafetensorsHeader,
  start: number,
  fileSize: number,
  checksums: ReadonlyMap<string, number>,
): Located {
  const located: Located = { tensors: [], opaque: new OpaqueCollection() };
  let end = start;
  for (const [name, { dtype, shape, data_offsets }] of inOrder(tensors)) {
    const offset = start + data_offsets[0];
    const bytes = data_offsets[1] - data_offsets[0];
    if (offset !== end) throw misplaced(name, 'does not begin where the tensor before it ends');
    if (bytes < 0) throw misplaced(name, 'ends before it begins');
    end = offset + bytes;
    if (!isDtype(dtype)) {
      located.opaque.add(`tensor of ${shortened(dtype)}`, name, 'tensor');
      continue;
    }
    const needed = elementCount(shape) * ELEMENT_BYTES[dtype];
    if (bytes !== needed) {
      throw misplaced(name, `has ${needed} bytes by its shape, and others by its offsets`);
    }
    const storage = { offset, bytes, crc32: checksums.get(name) };
    located.tensors.push({
      ...{ name, dtype, shape, strides: contiguousStrides(shape) },
      ...{ firstElement: 0, storage },
    });
  }
  if (end === fileSize) return located;
  throw new FormatError(`its tensors end at byte ${end}, and the file has ${fileSize} bytes`);
}

function inOrder<Tensor extends { data_offsets: readonly [number, number] }>(
  tensors: ReadonlyMap<string, Tensor>,
): [string, Tensor][] {
  return [...tensors].sort(
    ([, { data_offsets: a }], [, { data_offsets: b }]) => a[0] - b[0] || a[1] - b[1],
  );
}

function misplaced(name: string, problem: string): FormatError {
  return new FormatError(`tensor ${quoted(name)} ${problem}`);
}
