import type { Dtype } from './dtype.js';

/** The most dimensions that a tensor may have: PyTorch's own limit. */
export const MAX_DIMENSIONS = 64;

/** A tensor and where its bytes lie in a file. Found by the readers in `formats`, read by the addon. */
export interface StoredTensor {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** In elements, one for each dimension. */
  readonly strides: readonly number[];
  /** In elements, from the start of the storage. */
  readonly firstElement: number;
  /** The bytes that the tensor is a view of; several tensors may share them. */
  readonly storage: {
    /** Of its first byte, from the start of the file. */
    readonly offset: number;
    readonly bytes: number;
    /** CRC-32 (zlib's) of all its bytes; undefined where the file has none. */
    readonly crc32: number | undefined;
    /** Bytes of each number where the most significant one comes first; else undefined. */
    readonly bigEndian?: number | undefined;
  };
}

/** A number, text or truth value that lies beside the tensors. */
export type Scalar = number | bigint | string | boolean;

/**
 * `tensor`: of elements or a layout that are not read. `module`: a model that was pickled whole, as
 * `torch.save(model)` does.
 */
export type OpaqueKind = 'tensor' | 'module' | 'other';

/**
 * Values of one sort that are neither tensors of plain numbers nor collections of them, and that were
 * passed over. Nothing of them was run.
 */
export interface OpaqueValues {
  /** Class, function or constant as `module.name`, or in words: `argparse.Namespace`, `bytes`. */
  readonly what: string;
  /** Where they stand, in the form of a tensor's name; of many, the first thousand. */
  readonly places: readonly string[];
  /** How many there are. */
  readonly count: number;
  readonly kind: OpaqueKind;
}

/** What the index of a file says. */
export interface TensorFileContent {
  /**
   * Every tensor; where they lie in dictionaries and lists, the name is the way to it: keys and
   * positions, joined by dots.
   */
  readonly tensors: readonly StoredTensor[];
  /** Of a `.pth`: the outermost dictionary's numbers, texts and truth values. */
  readonly scalars: ReadonlyMap<string, Scalar>;
  /** What else the file holds, wherever it stands. */
  readonly opaque: readonly OpaqueValues[];
  /** Of safetensors: its `__metadata__`. Of a `.pth`: the record `moco.json`, if there is one. */
  readonly metadata: ReadonlyMap<string, string>;
}

/** A file of tensors: where every tensor lies, and what else is known without reading them. */
export interface TensorFile extends TensorFileContent {
  readonly path: string;
  readonly format: 'pth' | 'legacy pth' | 'safetensors';
  /** Bytes of the whole file. */
  readonly size: number;
}
