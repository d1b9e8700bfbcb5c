import type { Dtype } from './dtype.js';

/** A type of elements in PyTorch. */
export interface ElementType {
  /** PyTorch's name: `torch.float32`. */
  readonly name: string;
  /** Bytes of one element. */
  readonly bytes: number;
  /** Undefined for those that safetensors has no name for. */
  readonly dtype: Dtype | undefined;
}

const TYPES: readonly ElementType[] = [
  { name: 'torch.float64', bytes: 8, dtype: 'F64' },
  { name: 'torch.float32', bytes: 4, dtype: 'F32' },
  { name: 'torch.float16', bytes: 2, dtype: 'F16' },
  { name: 'torch.bfloat16', bytes: 2, dtype: 'BF16' },
  { name: 'torch.int64', bytes: 8, dtype: 'I64' },
  { name: 'torch.int32', bytes: 4, dtype: 'I32' },
  { name: 'torch.int16', bytes: 2, dtype: 'I16' },
  { name: 'torch.int8', bytes: 1, dtype: 'I8' },
  { name: 'torch.uint8', bytes: 1, dtype: 'U8' },
  { name: 'torch.bool', bytes: 1, dtype: 'BOOL' },
  { name: 'torch.uint64', bytes: 8, dtype: 'U64' },
  { name: 'torch.uint32', bytes: 4, dtype: 'U32' },
  { name: 'torch.uint16', bytes: 2, dtype: 'U16' },
  { name: 'torch.complex64', bytes: 8, dtype: 'C64' },
  { name: 'torch.float8_e4m3fn', bytes: 1, dtype: 'F8_E4M3' },
  { name: 'torch.float8_e4m3fnuz', bytes: 1, dtype: 'F8_E4M3FNUZ' },
  { name: 'torch.float8_e5m2', bytes: 1, dtype: 'F8_E5M2' },
  { name: 'torch.float8_e5m2fnuz', bytes: 1, dtype: 'F8_E5M2FNUZ' },
  { name: 'torch.complex128', bytes: 16, dtype: undefined },
  { name: 'torch.qint8', bytes: 1, dtype: undefined },
  { name: 'torch.quint8', bytes: 1, dtype: undefined },
  { name: 'torch.qint32', bytes: 4, dtype: undefined },
  { name: 'torch.quint4x2', bytes: 1, dtype: undefined },
  { name: 'torch.quint2x4', bytes: 1, dtype: undefined },
];

/** Of `torch.FloatStorage` and its like, by the words before `Storage`. */
const STORAGES: Readonly<Record<string, string>> = {
  Double: 'torch.float64',
  Float: 'torch.float32',
  Half: 'torch.float16',
  BFloat16: 'torch.bfloat16',
  Long: 'torch.int64',
  Int: 'torch.int32',
  Short: 'torch.int16',
  Char: 'torch.int8',
  Byte: 'torch.uint8',
  Bool: 'torch.bool',
  ComplexFloat: 'torch.complex64',
  ComplexDouble: 'torch.complex128',
  QInt8: 'torch.qint8',
  QUInt8: 'torch.quint8',
  QInt32: 'torch.qint32',
  QUInt4x2: 'torch.quint4x2',
  QUInt2x4: 'torch.quint2x4',
  Untyped: 'torch.uint8',
};

/** Storages on the CPU and on devices, of today and as they were called for a while. */
const STORAGE_CLASS = /^torch\.(?:\w+\.)?_?(\w+)Storage$/;

const typesByName = new Map(TYPES.map((type) => [type.name, type]));

/** The type of that name, `torch.float32`; undefined for one that no tensor is stored in. */
export function elementType(name: string): ElementType | undefined {
  return typesByName.get(name);
}

/** The type of the elements of a storage's class, `torch.cuda.FloatStorage`. */
export function storageType(className: string): ElementType | undefined {
  const kind = STORAGE_CLASS.exec(className)?.[1] ?? '';
  return Object.hasOwn(STORAGES, kind) ? elementType(STORAGES[kind] as string) : undefined;
}

/** Bytes of one number: an element has one, and a complex element two. */
export function numberBytes({ name, bytes }: ElementType): number {
  return name.startsWith('torch.complex') ? bytes / 2 : bytes;
}
