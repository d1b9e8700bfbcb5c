import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type CifarVariant, fileIn } from '#moco/data/cifarVariant.js';
import { cifarFile } from './smallCifar.js';

/**
 * Who pickled a file: Python 2, as the official ones; Python 3 by an old protocol, or by a new one; or
 * NumPy by the newest, which has a way of its own for arrays.
 */
export const PICKLERS = ['python2', 'protocol2', 'protocol4', 'protocol5'] as const;

export type Pickler = (typeof PICKLERS)[number];

/** A value as instructions of the pickle machine. */
type Instructions = Buffer;

/** What a data file of the version for Python holds. */
export interface PythonFile {
  readonly labels: readonly number[];
  /** N × 3072 bytes. */
  readonly planes: Uint8Array;
  readonly shape?: readonly number[];
  /** NumPy's name for the type of the elements; `u1` by default. */
  readonly dtype?: string;
  readonly isFortran?: boolean;
}

/** The data file of the version for Python with the pictures and labels of a binary one. */
export function pythonFileOf(variant: CifarVariant, binary: Buffer): PythonFile {
  const labelBytes = variant.labels.length;
  const bytes = labelBytes + 3072;
  const records = Array.from({ length: binary.length / bytes }, (_, index) =>
    binary.subarray(index * bytes, (index + 1) * bytes),
  );
  return {
    labels: records.map((record) => record[labelBytes - 1] as number),
    planes: Buffer.concat(records.map((record) => record.subarray(labelBytes))),
  };
}

/** Writes all files of the version for Python of what `writeCifar` writes. Returns the folder. */
export async function writePythonCifar(
  variant: CifarVariant,
  dataRoot: string,
  pickler: Pickler = 'python2',
): Promise<string> {
  const folder = join(dataRoot, variant.python.folder);
  await mkdir(folder, { recursive: true });
  let shift = 0;
  for (const { files, recordsPerFile } of [variant.train, variant.test]) {
    for (const file of files) {
      const content = pythonFileOf(variant, cifarFile(variant, recordsPerFile, shift++));
      await writeFile(
        join(folder, fileIn('python', file)),
        pickledBatch(variant, content, pickler),
      );
    }
  }
  return folder;
}

/** A data file: `{'batch_label': …, 'labels': […], 'data': array, 'filenames': […]}`. */
export function pickledBatch(
  variant: CifarVariant,
  content: PythonFile,
  pickler: Pickler = 'python2',
): Buffer {
  const text = textOf(pickler);
  const names = content.labels.map((_, index) => text(`picture_${index}.png`));
  return pickle(
    pickler,
    dictionary([
      [text('batch_label'), text('training batch 1 of 5')],
      [text(variant.python.labels), list(content.labels.map(integer))],
      [text('data'), arrayOf(pickler, content)],
      [text('filenames'), list(names)],
    ]),
  );
}

/** The file with the names of the classes. */
export function pickledClasses(
  variant: CifarVariant,
  names: readonly string[],
  pickler: Pickler = 'python2',
): Buffer {
  const text = textOf(pickler);
  return pickle(
    pickler,
    dictionary([[text(variant.python.classes.key), list(names.map((name) => text(name)))]]),
  );
}

function arrayOf(pickler: Pickler, file: PythonFile): Instructions {
  const { labels, planes, dtype = 'u1', isFortran = false } = file;
  const { shape = [labels.length, 3072] } = file;
  const module = pickler === 'python2' ? 'numpy.core' : 'numpy._core';
  const type = Buffer.concat([
    ...[named('numpy', 'dtype', pickler), tuple([textOf(pickler)(dtype), bool(false), bool(true)])],
    ...[REDUCE, tuple([integer(3), textOf(pickler)('|'), NONE, NONE, NONE]), BUILD],
  ]);
  const lengths = tuple(shape.map(integer));
  if (pickler === 'protocol5') {
    const order = textOf(pickler)(isFortran ? 'F' : 'C');
    const buffer = Buffer.concat([Buffer.of(0x96), uint64(planes.length), planes]);
    const args = tuple([buffer, type, lengths, order]);
    return Buffer.concat([named(`${module}.numeric`, '_frombuffer', pickler), args, REDUCE]);
  }
  const [reconstruct, array] = [`${module}.multiarray`, '_reconstruct'];
  return Buffer.concat([
    named(reconstruct, array, pickler),
    tuple([
      named('numpy', 'ndarray', pickler),
      tuple([integer(0)]),
      bytes(pickler, Buffer.from('b')),
    ]),
    REDUCE,
    tuple([integer(1), lengths, type, bool(isFortran), bytes(pickler, planes)]),
    BUILD,
  ]);
}

const NONE = Buffer.from('N');
const REDUCE = Buffer.from('R');
const BUILD = Buffer.from('b');

function pickle(pickler: Pickler, value: Instructions): Buffer {
  const protocol = pickler === 'python2' ? 2 : Number(pickler.slice(-1));
  return Buffer.concat([Buffer.of(0x80, protocol), value, Buffer.from('.')]);
}

function textOf(pickler: Pickler): (value: string) => Instructions {
  const code = pickler === 'python2' ? 'T' : 'X'; // BINSTRING, BINUNICODE
  return (value) => {
    const content = Buffer.from(value);
    return Buffer.concat([Buffer.from(code), uint32(content.length), content]);
  };
}

/** Bytes, which Python 3 writes by protocol 2 as a text that is to be encoded. */
function bytes(pickler: Pickler, value: Uint8Array): Instructions {
  if (pickler === 'protocol2') {
    const text = textOf(pickler);
    const args = tuple([text(Buffer.from(value).toString('latin1')), text('latin1')]);
    return Buffer.concat([named('_codecs', 'encode', pickler), args, REDUCE]);
  }
  const code = pickler === 'python2' ? 'T' : 'B'; // BINSTRING, BINBYTES
  return Buffer.concat([Buffer.from(code), uint32(value.length), value]);
}

function named(module: string, name: string, pickler: Pickler): Instructions {
  const isNew = pickler === 'protocol4' || pickler === 'protocol5';
  if (!isNew) return Buffer.from(`c${module}\n${name}\n`); // GLOBAL
  const text = textOf(pickler);
  return Buffer.concat([text(module), text(name), Buffer.of(0x93)]); // STACK_GLOBAL
}

function integer(value: number): Instructions {
  const number = Buffer.alloc(4);
  number.writeInt32LE(value);
  return Buffer.concat([Buffer.from('J'), number]); // BININT
}

function bool(value: boolean): Instructions {
  return Buffer.of(value ? 0x88 : 0x89);
}

function tuple(items: readonly Instructions[]): Instructions {
  return Buffer.concat([Buffer.from('('), ...items, Buffer.from('t')]);
}

function list(items: readonly Instructions[]): Instructions {
  return Buffer.concat([Buffer.from(']('), ...items, Buffer.from('e')]);
}

function dictionary(entries: readonly (readonly [Instructions, Instructions])[]): Instructions {
  return Buffer.concat([Buffer.from('}('), ...entries.flat(), Buffer.from('u')]);
}

function uint32(value: number): Buffer {
  const number = Buffer.alloc(4);
  number.writeUInt32LE(value);
  return number;
}

function uint64(value: number): Buffer {
  const number = Buffer.alloc(8);
  number.writeBigUInt64LE(BigInt(value));
  return number;
}
