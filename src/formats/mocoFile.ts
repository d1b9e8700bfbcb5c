import { crc32 } from 'node:zlib';
import type { z } from 'zod';
import { MocoError } from '../error.js';
import type { Dtype } from './dtype.js';
import { FormatError, quoted } from './formatError.js';
import { type InputFile, withInputFile } from './inputFile.js';
import { LENGTH_BYTES } from './mocoHeader.js';
import { readTensorFile } from './readTensorFile.js';
import type { StoredTensor } from './tensorFile.js';

/** A kind of file that moco writes, which is no model. */
export interface FileKind<Meta> {
  /** As its header names it: `moco-…`. */
  readonly format: string;
  /** The text of its header that says how it was made, and what that holds. */
  readonly made: { readonly key: string; readonly schema: z.ZodType<Meta> };
  /** What is said of a file that is none: `it is no …`. */
  readonly otherwise: string;
  /** What to do about a file that is none or is damaged. */
  readonly hint: string;
}

const BRACE = 0x7b;

/**
 * Reads a file of a kind that moco writes.
 * @param read gets the tensors, and what the header says
 * @throws MocoError `ERR_MOCO_DATA` for a file that is none of this kind, or is damaged
 */
export async function readMocoFile<Meta, Content>(
  path: string,
  kind: FileKind<Meta>,
  read: (tensors: MocoTensors, meta: Meta) => Promise<Content>,
): Promise<Content> {
  return await asData(kind.hint, async () => {
    await withInputFile(path, async (file) => await requireHeader(file, kind));
    const { metadata, tensors } = await readTensorFile(path);
    return await withInputFile(path, async (file) => {
      const meta = metaOf(metadata, kind);
      return await read(new MocoTensors(file, tensors), meta);
    });
  });
}

/** The tensors of a file that moco wrote: read, compared with their checksums, and checked. */
export class MocoTensors {
  readonly #file: InputFile;
  readonly #tensors: ReadonlyMap<string, StoredTensor>;

  constructor(file: InputFile, tensors: readonly StoredTensor[]) {
    this.#file = file;
    this.#tensors = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  }

  has(name: string): boolean {
    return this.#tensors.has(name);
  }

  /** Where a tensor lies. @param shape −1 stands for any number @throws FormatError */
  place(name: string, dtypes: Dtype | readonly Dtype[], shape: readonly number[]): StoredTensor {
    const tensor = this.#tensors.get(name);
    if (tensor === undefined) throw new FormatError(`it has no tensor ${quoted(name)}`);
    const fits =
      [dtypes].flat().includes(tensor.dtype) &&
      tensor.shape.length === shape.length &&
      shape.every((size, dimension) => size === -1 || size === tensor.shape[dimension]);
    if (fits) return tensor;
    const found = `${tensor.dtype} (${tensor.shape.join(', ')})`;
    throw new FormatError(`its tensor ${quoted(name)} is ${found}, which does not fit the others`);
  }

  /** The bytes of a tensor. @throws FormatError also where the checksum is wrong */
  async read(name: string, dtype: Dtype, shape: readonly number[]): Promise<Buffer> {
    const { storage } = this.place(name, dtype, shape);
    const bytes = await this.#file.read(storage.offset, storage.bytes);
    if (crc32(bytes) === storage.crc32) return bytes;
    throw new FormatError(`its tensor ${quoted(name)} is damaged: the checksum is wrong`);
  }

  /** The numbers of four bytes in a tensor. @throws FormatError */
  async words(name: string, dtype: 'I32' | 'U32', shape: readonly number[]): Promise<Uint32Array> {
    // A copy, since numbers of four bytes need not lie at such places in a buffer.
    const bytes = Uint8Array.from(await this.read(name, dtype, shape));
    return new Uint32Array(bytes.buffer);
  }

  /** What a tensor of bytes holds as JSON. @throws FormatError */
  async json<T extends z.ZodType>(name: string, schema: T): Promise<z.output<T>> {
    const bytes = await this.read(name, 'U8', [-1]);
    const { success, data } = schema.safeParse(parsed(() => bytes.toString()));
    if (success) return data;
    throw new FormatError(`its tensor ${quoted(name)} does not hold what it should`);
  }
}

/** Turns errors about files of tensors into such about data. @param hint for a damaged file */
export async function asData<T>(hint: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof MocoError) || error.code !== 'ERR_MOCO_CHECKPOINT') throw error;
    // A file that cannot be read at all is not damaged.
    const isContent = error.cause instanceof FormatError;
    throw new MocoError('ERR_MOCO_DATA', error.message, {
      hint: isContent ? hint : (error.hint ?? hint),
      cause: error,
    });
  }
}

/** Makes sure that a file begins as those of moco do: with a length, and a header of JSON. */
async function requireHeader(
  file: InputFile,
  { otherwise, hint }: FileKind<unknown>,
): Promise<void> {
  const start = await file.read(0, Math.min(file.size, LENGTH_BYTES + 1));
  if (start[LENGTH_BYTES] !== BRACE) throw new FormatError(otherwise, hint);
}

function metaOf<Meta>(
  metadata: ReadonlyMap<string, string>,
  { format, made, otherwise, hint }: FileKind<Meta>,
): Meta {
  if (metadata.get('format') !== format) throw new FormatError(otherwise, hint);
  const { success, data, error } = made.schema.safeParse(
    parsed(() => metadata.get(made.key) ?? ''),
  );
  if (success) return data;
  const [issue] = error.issues;
  throw new FormatError(`its header is wrong: ${issue?.path.join('.')}: ${issue?.message}`, hint);
}

/** @returns undefined also where there is more text than fits in one */
function parsed(text: () => string): unknown {
  try {
    return JSON.parse(text());
  } catch {
    return undefined;
  }
}
