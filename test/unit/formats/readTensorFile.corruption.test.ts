import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { MocoError } from '#moco/error.js';
import { ELEMENT_BYTES } from '#moco/formats/dtype.js';
import { readTensorFile } from '#moco/formats/readTensorFile.js';
import type { TensorFile } from '#moco/formats/tensorFile.js';
import { modelFile, pickleOf } from '../../support/modelFiles.js';
import { Dice, mutated } from '../../support/mutations.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';
import { pth, zip } from '../../support/zipFile.js';

/** Resident memory that reading any of these files may take, tests and Node included. */
const MAX_MEMORY = 2 ** 30;

const folder = temporaryFolder();

const modelFiles = (await readdir(dirname(modelFile('plain.pth')), { recursive: true })).filter(
  (name) => /\.(pth|safetensors)$/.test(name),
);

/** Reads a file with this content: the error, or an index whose every tensor can be read. */
async function read(content: Buffer): Promise<TensorFile | MocoError> {
  const path = join(folder, 'file');
  await writeFile(path, content);
  const read = await readTensorFile(path).catch((error: unknown) => error);
  if (read instanceof MocoError) {
    assert.equal(read.code, 'ERR_MOCO_CHECKPOINT');
    assert.ok(read.message.startsWith(`${path}: `), read.message);
    return read;
  }
  if (read instanceof Error) throw read;
  for (const tensor of (read as TensorFile).tensors) {
    const { dtype, shape, strides, firstElement, storage } = tensor;
    assert.ok(storage.offset + storage.bytes <= content.length);
    const last = shape.map((size, dimension) => (size - 1) * (strides[dimension] as number));
    const end = last.reduce((sum, distance) => sum + distance, firstElement + 1);
    if (!shape.includes(0)) assert.ok(end * ELEMENT_BYTES[dtype] <= storage.bytes);
  }
  return read as TensorFile;
}

async function refuses(content: Buffer, message: RegExp): Promise<void> {
  const error = await read(content);
  assert.ok(error instanceof MocoError, 'the file was accepted');
  assert.match(error.message, message);
}

test('100 mutations of every file end in an error or an index that can be read', async () => {
  const dice = new Dice(1);
  for (const name of modelFiles) {
    const content = await readFile(modelFile(name));
    for (let count = 0; count < 100; count++) await read(mutated(content, dice));
  }
});

test('mutations of a pickle whose archive is right end the same way', async () => {
  const dice = new Dice(2);
  for (const name of modelFiles.filter((name) => !/legacy|bad|safetensors/.test(name))) {
    const content = await readFile(modelFile(name));
    const { tensors } = await readTensorFile(modelFile(name));
    const sizes = [...new Set(tensors.map(({ storage }) => storage))].map(({ bytes }) => bytes);
    const pickle = pickleOf(content);
    for (let count = 0; count < 100; count++) await read(pth(mutated(pickle, dice), sizes));
  }
});

test('programs of known instructions in any order end the same way', async () => {
  const dice = new Dice(3);
  const instructions = [
    ...['\x80\x02', 'ccollections\nOrderedDict\n', 'ctorch._utils\n_rebuild_tensor_v2\n'],
    ...['ctorch\nFloatStorage\n', 'Q', 'R', 'b', '(', 'q\x00', 'q\x01', 'h\x00', 'h\x01'],
    ...['r\xff\xff\xff\xff', 'j\xff\xff\xff\xff', ')', 't', '\x85', '\x86', '\x87', ']', 'a', 'e'],
    ...['}', 's', 'u', 'N', '\x88', '\x89', 'K\x01', 'K\x02', 'M\xff\xff', 'J\xff\xff\xff\xff'],
    ...['\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f', 'G\x7f\xf8\x00\x00\x00\x00\x00\x00'],
    ...['X\x01\x00\x00\x000', 'X\x07\x00\x00\x00storage', 'X\x03\x00\x00\x00cpu'],
    ...['cbuiltins\nset\n', 'ctorch.nn.parameter\nParameter\n', 'ctorch\nFloatTensor\n', '\x81'],
    ...['ctorch._tensor\n_rebuild_from_type_v2\n', '\x92', '\x93', '\x94', '\x90', '\x91'],
    ...['\x8f', '\x8c\x01a', 'C\x01a', 'U\x01a', 'U\x01\xff', '0', '1', '2', 'l', 'd', 'o'],
  ];
  for (let count = 0; count < 2000; count++) {
    const length = 1 + dice.below(40);
    const program = Array.from({ length }, () => dice.of(instructions)).join('');
    await read(pth(Buffer.from(`}${program}.`, 'latin1'), [8]));
  }
});

/** A pickle of the instructions in these texts, one byte for each character. */
const pickle = (...instructions: string[]) =>
  pth(Buffer.from(['\x80\x02', ...instructions, '.'].join(''), 'latin1'), [4]);

/** Instructions for a tensor on storage 0, of one float. */
const tensor = (shape: string, strides: string, elements = 'K\x01') =>
  [
    ...['ctorch._utils\n_rebuild_tensor_v2\n', '((X\x07\x00\x00\x00storage'],
    ...['ctorch\nFloatStorage\n', 'X\x01\x00\x00\x000', 'X\x03\x00\x00\x00cpu', elements, 'tQ'],
    ...['K\x00', `(${shape}t`, `(${strides}t`, '\x89', 'ccollections\nOrderedDict\n)R', 'tR'],
  ].join('');

const key = (name: string) => {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(name.length);
  return `X${length.toString('latin1')}${name}`;
};

/** An integer of 255 bytes. */
const HUGE = `\x8a\xff${'\x7f'.repeat(255)}`;

const MODULE_STATE = `}${key('_parameters')}}s${key('_modules')}}sb`;

/** A thousand tuples, each of a number and None. */
const PAIRS = Array.from({ length: 1000 }, (_, i) => {
  return `M${String.fromCharCode(i & 0xff, i >> 8)}N\x86`;
}).join('');

const LONG_TEXT = `X\x00\x00\x01\x00${'x'.repeat(2 ** 16)}`;

for (const [title, content, message] of [
  ['a million dictionaries', pickle('('.padEnd(1_000_001, '}'), 't'), /more than 1000000 objects/],
  [
    'a million places of memory',
    pickle(']', 'q\x00'.repeat(1_000_000)),
    /more than 1000000 objects/,
  ],
  ['18 million numbers', pickle('(', 'K\x01'.repeat(17_999_999), 't'), /more than 1000000 objects/],
  [
    'a list of pairs that is made a dictionary many times over',
    pickle('ccollections\nOrderedDict\nq\x00', `(${PAIRS}l\x85q\x01`, 'h\x00h\x01R0'.repeat(2000)),
    /more than 1000000 objects/,
  ],
  [
    'a text that is made bytes many times over',
    pickle(
      'c_codecs\nencode\nq\x00',
      `${LONG_TEXT}${key('latin1')}\x86q\x01`,
      'h\x00h\x01R0'.repeat(4000),
    ),
    /more than 1000000 objects/,
  ],
  [
    'a name of many characters',
    pickle(key('n'.repeat(600)), '2\x93'),
    /an endless name before byte/,
  ],
  ['a text of 4 GB', pickle('X\xff\xff\xff\xff'), /goes on after its last byte/],
  ['an endless name', pickle(`c${'x'.repeat(5000)}`), /an endless name/],
  ['nothing on the stack', pickle('t'), /takes a value where there is none/],
  ['a value below the mark', pickle('}(a'), /takes a value where there is none/],
  ['a place that was never filled', pickle('h\x05'), /takes a value where there is none/],
  ['a call of a dictionary', pickle('}}\x81'), /has a call in the wrong place, before byte 5/],
  ['INST', pickle('(ios\nsystem\n'), /instruction INST at byte 3, of protocol 0 or 1/],
  ['an unknown instruction', pickle('\xff'), /unknown instruction 0xff at byte 2/],
  ['a function', pickle('cbuiltins\neval\n'), /holds no state dict, but eval/],
  ['an integer of 1 MB', pickle('\x8b\x00\x00\x10\x00'), /an integer of 1048576 bytes/],
  [
    'a shape of 255 bytes',
    pickle('}', key('a'), tensor(HUGE, 'K\x01'), 's'),
    /whose shape is \d{40}$/,
  ],
  ['a negative shape', pickle('}', key('a'), tensor('J\xff\xff\xff\xff', 'K\x01'), 's'), /is -1$/],
  [
    '65 dimensions',
    pickle('}', key('a'), tensor('K\x01'.repeat(65), 'K\x01'.repeat(65)), 's'),
    /whose shape is not a tuple of at most 64 integers/,
  ],
  [
    'a stride past the end',
    pickle('}', key('a'), tensor('K\x02', 'K\x01'), 's'),
    /reaches element 1 of a storage of 1/,
  ],
  [
    'a larger storage',
    pickle('}', key('a'), tensor('', '', 'K\x02'), 's'),
    /"0" has 4 bytes, expected 8/,
  ],
  ['a key twice', pickle('}', key('a'), 'Ns', key('a'), 'Ns'), /sets a key twice: "a"/],
  ['one tensor', pickle(tensor('', '')), /holds a tensor without a name/],
  [
    'a model that was pickled with its source, as until 2020',
    pickle(
      `(${key('module')}cnet\nNet\n${key('net.py')}${key('class Net: …')}tQ)\x81`,
      MODULE_STATE,
    ),
    /holds a whole model, pickled as net\.Net/,
  ],
  [
    'a model that was pickled whole beside numbers',
    pickle(`}${key('epoch')}K\x01s${key('net')}cnet\nNet\n)\x81`, MODULE_STATE, 's'),
    /its "net" is a whole model, pickled as net\.Net/,
  ],
  ['a number', pickle('K\x01'), /holds no state dict/],
] as const) {
  test(`a pickle with ${title} is refused`, () => refuses(content, message));
}

/** What a file holds besides tensors, numbers and texts: kinds and their first places. */
async function passedOver(content: Buffer): Promise<[what: string, place: string | undefined][]> {
  const file = await read(content);
  assert.ok(!(file instanceof MocoError), String(file));
  return file.opaque.map(({ what, places }) => [what, places[0]]);
}

const DEEP = Array.from({ length: 101 }, () => '0').join('.');

for (const [title, content, expected] of [
  [
    'a call of the system',
    pickle('}', key('a'), 'cos\nsystem\n', key('ls'), '\x85Rs'),
    ['os.system', 'a'],
  ],
  [
    'lists 100,000 deep',
    pickle(']'.repeat(100_000), 'a'.repeat(99_999)),
    ['what lies 100 levels deep', DEEP],
  ],
  [
    'names that grow',
    pickle(`${key('n'.repeat(600))}q\x00`, `}q\x01h\x00}q\x02h\x00}h\x00`, tensor('', ''), 'sss'),
    ['what has a very long name', 'n'.repeat(600)],
  ],
] as const) {
  test(`a pickle with ${title} is read without it`, async () => {
    assert.deepEqual(await passedOver(content), [expected]);
  });
}

test('the places of very many things are not all kept', async () => {
  const file = await read(pickle(']', '(', 'cbuiltins\nset\n'.repeat(2000), 'e'));
  assert.ok(!(file instanceof MocoError), String(file));
  const [{ what, places, count }] = file.opaque as [TensorFile['opaque'][0]];
  assert.deepEqual([what, places.length, count], ['set', 1000, 2000]);
});

test('lists that hold each other many times over are looked into once', async () => {
  // A list that holds the same list twice, 60 levels deep: 2⁶⁰ tensors, if each way to them
  // counted.
  const levels = Array.from({ length: 60 }, (_, level) => {
    const place = String.fromCharCode(level);
    return `q${place}]h${place}ah${place}a`;
  });
  const file = await read(pickle(']', tensor('', ''), 'a', ...levels));
  assert.ok(!(file instanceof MocoError), String(file));
  assert.equal(file.tensors.length, 1);
});

test('a dictionary that holds itself is looked into once', async () => {
  const file = await read(pickle('}q\x00', key('a'), tensor('', ''), 's', key('self'), 'h\x00s'));
  assert.ok(!(file instanceof MocoError), String(file));
  assert.deepEqual(
    file.tensors.map(({ name }) => name),
    ['a'],
  );
});

const EMPTY = Buffer.from('\x80\x02}.', 'latin1');

for (const [title, content, message] of [
  [
    'a record larger than the file',
    zip([{ name: 'a/data.pkl', data: EMPTY, size: 2 ** 31 }]),
    /overflows/,
  ],
  ['a compressed pickle', zip([{ name: 'a/data.pkl', data: EMPTY, method: 8 }]), /is compressed/],
  [
    'records that share bytes',
    zip([
      { name: 'a/data.pkl', data: EMPTY },
      { name: 'a/data/0', data: EMPTY, offset: 0 },
    ]),
    /overlaps another one/,
  ],
  [
    'two records of one name',
    zip([
      { name: 'a/data.pkl', data: EMPTY },
      { name: 'a/data.pkl', data: EMPTY },
    ]),
    /two records "a\/data\.pkl"/,
  ],
  [
    'two pickles',
    zip([
      { name: 'a/data.pkl', data: EMPTY },
      { name: 'b/data.pkl', data: EMPTY },
    ]),
    /not one of torch\.save: it holds "a\/data\.pkl", "b\/data\.pkl"/,
  ],
  [
    'a directory beyond every file',
    withZip64(zip([{ name: 'a/data.pkl', data: EMPTY }])),
    /refers to 56 bytes at byte 18446744073709552000/,
  ],
] as const) {
  test(`an archive with ${title} is refused`, () => refuses(content, message));
}

/** The archive with a 64-bit end record that claims to lie 2⁶⁴ − 1 bytes into the file. */
function withZip64(archive: Buffer): Buffer {
  const tail = archive.length - 22;
  const locator = Buffer.alloc(20, 0xff);
  locator.write('PK\x06\x07');
  return Buffer.concat([archive.subarray(0, tail), locator, archive.subarray(tail)]);
}

test('an expanded tensor may have many times the bytes of its file, but not any number', async () => {
  const expanded = (size: string) => pickle('}', key('a'), tensor(size, 'K\x00'), 's');
  assert.ok(!((await read(expanded('M\xff\xff'))) instanceof MocoError));
  await refuses(
    expanded('\x8a\x05\x00\x00\x00\x00\x10'),
    /would take \d+ bytes, and it has only \d+$/,
  );
});

test('none of this took much memory', () => {
  assert.ok(process.resourceUsage().maxRSS * 1024 < MAX_MEMORY);
});
