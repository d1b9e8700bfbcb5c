import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import { readTensorFile } from '#moco/formats/readTensorFile.js';
import { failure } from '../../support/failure.js';
import { describeTensors, expectedTensors, modelFile } from '../../support/modelFiles.js';
import { hex, mocoHeader, safetensors } from '../../support/safetensorsFile.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';
import { zip } from '../../support/zipFile.js';

const folder = temporaryFolder();

/** Reads a file with this content. */
async function read(content: string | Uint8Array, name = 'file') {
  const path = join(folder, name);
  await writeFile(path, content);
  return readTensorFile(path);
}

async function refuses(reading: Promise<unknown>, message: RegExp, hint = /./): Promise<void> {
  const error = await failure(reading, 'ERR_MOCO_CHECKPOINT');
  assert.match(error.message, message);
  assert.match(`${error.hint}`, hint);
}

for (const [name, expected] of Object.entries(await expectedTensors())) {
  test(`every tensor of ${name} has the dtype, shape and elements that Python wrote`, async () => {
    const path = modelFile(name);
    const { tensors, size } = await readTensorFile(path);
    const bytes = await readFile(path);
    assert.deepEqual(describeTensors(tensors, bytes), expected);
    assert.equal(size, bytes.length);
  });
}

test('every storage of a zip .pth comes with its CRC-32; the old format has none', async () => {
  const path = modelFile('views.pth');
  const bytes = await readFile(path);
  for (const { name, storage } of (await readTensorFile(path)).tensors) {
    const held = bytes.subarray(storage.offset, storage.offset + storage.bytes);
    assert.equal(storage.crc32, crc32(held), name);
  }
  const legacy = await readTensorFile(modelFile('views_legacy.pth'));
  assert.ok(legacy.tensors.every(({ storage }) => storage.crc32 === undefined));
});

test('what comes after an archive, or after the storages of the old format, is not looked at', async () => {
  for (const name of ['plain.pth', 'plain_legacy.pth']) {
    const content = await readFile(modelFile(name));
    const { tensors } = await read(Buffer.concat([content, Buffer.alloc(100_000)]));
    assert.equal(tensors.length, 2, name);
  }
});

test('views of one storage share it', async () => {
  const { tensors } = await readTensorFile(modelFile('views.pth'));
  const [whole, transposed, rows] = tensors;
  assert.equal(whole?.storage, transposed?.storage);
  assert.deepEqual([transposed?.strides, rows?.firstElement], [[1, 6], 6]);
});

test('the format is told by the first bytes, whatever the name', async () => {
  const formats = { 'plain.pth': 'pth', 'plain_legacy.pth': 'legacy pth' } as const;
  for (const [name, format] of Object.entries(formats)) {
    const content = await readFile(modelFile(name));
    assert.equal((await read(content, 'x.safetensors')).format, format);
  }
  const safetensors = await readFile(modelFile('python.safetensors'));
  assert.equal((await read(safetensors, 'x.pth')).format, 'safetensors');
});

test('a header whose length begins as a pickle does is a header', async () => {
  const header = '{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}'.padEnd(0x280);
  const { format } = await read(safetensors(header));
  assert.equal(format, 'safetensors');
});

test('what lies beside the tensors is kept: scalars of a .pth, metadata of safetensors', async () => {
  for (const name of ['nested.pth', 'nested_legacy.pth']) {
    const { scalars } = await readTensorFile(modelFile(name));
    assert.deepEqual(Object.fromEntries(scalars), {
      epoch: 3,
      loss: 0.5,
      note: 'größer',
      done: true,
    });
  }
  const { metadata } = await readTensorFile(modelFile('python.safetensors'));
  assert.deepEqual([...metadata], [['format', 'pt']]);
});

test('what a file would run is named, and not run', async () => {
  const { tensors, opaque } = await readTensorFile(modelFile('hostile.pth'));
  assert.deepEqual(
    tensors.map(({ name }) => name),
    ['weight'],
  );
  const what = { what: 'posix.system', places: ['hostile'], count: 1, kind: 'other' };
  assert.deepEqual(opaque, [what]);
});

for (const [name, message, hint] of [
  [
    'bad_whole_model',
    /holds a whole model, pickled as torch\.nn\.modules\.container\.Sequential, .*nothing of it was run/,
    /load\("…", weights_only=False\)\.state_dict\(\)/,
  ],
  ['bad_compressed', /its record "[^"]+" is compressed/, /without compression/],
  ['bad_byteorder', /byte order is "middle", expected "little" or "big"/, /get it again/],
] as const) {
  test(`${name}.pth is refused`, () =>
    refuses(readTensorFile(modelFile(`${name}.pth`)), message, hint));
}

test('a path without a file is named', async () => {
  const missing = join(folder, 'missing.pth');
  await refuses(readTensorFile(missing), /^cannot read .*missing\.pth: there is no such file$/);
});

const TAR = (name: string) => {
  const tar = Buffer.alloc(1024);
  tar.write(name);
  tar.write('ustar', 257);
  return tar;
};

const TORCH_SAVE = /torch\.save\(model\.state_dict\(\), "model\.pth"\)/;

for (const [title, content, message, hint] of [
  ['nothing', '', /it is empty$/, /another copy/],
  ['a table', 'epoch,train_loss\n1,5.5\n', /not a file of tensors/, /\.pth .*safetensors/],
  ['a tar of PyTorch', TAR('sys_info'), /tar archive, as PyTorch wrote until 2017/, TORCH_SAVE],
  ['a tar of anything', TAR('a/model.pth'), /it is a tar archive$/, /Unpack it/],
  [
    'an LFS pointer',
    'version https://git-lfs.github.com/spec/v1\noid sha256:0\n',
    /Git LFS/,
    /git lfs pull/,
  ],
  [
    'a web page',
    '\n<!DOCTYPE html>\n<html></html>',
    /it is a web page/,
    /Get it again from the address/,
  ],
  [
    'an answer in XML',
    '<?xml version="1.0"?><Error/>',
    /it is XML, as servers answer/,
    /Get it again/,
  ],
  ['an answer in JSON', '{"error": "not found"}', /it is JSON/, /Get it again/],
  [
    'an index',
    '{"metadata": {}, "weight_map": {}}',
    /index of a model in several files/,
    /in one file/,
  ],
  ['gzip', '\x1f\x8b\x08\0\0\0\0\0', /compressed with gzip/, /Unpack it/],
  ['HDF5', '\x89HDF\r\n\x1a\n', /HDF5 file, as Keras writes/, /models of PyTorch/],
  ['a NumPy array', '\x93NUMPY\x01\0', /array of NumPy/, TORCH_SAVE],
  ['ONNX', '\x08\x08\x12\x07pytorch', /a model in ONNX/, /models of PyTorch/],
  ['a SavedModel', '\x08\x01\x12\x99\x01', /SavedModel of TensorFlow/, /models of PyTorch/],
  [
    'a list of checkpoints',
    'model_checkpoint_path: "m"',
    /TensorFlow's list of checkpoints/,
    /PyTorch/,
  ],
  ['a picture', '\x89PNG\r\n\x1a\n', /it is a picture/, /Name a model file/],
  [
    'a pickle of another program',
    '\x80\x02}q\0.',
    /Python pickle, but not one of torch\.save/,
    /torch\.save/,
  ],
] as const) {
  test(`a file that is ${title} is named as such, and not called damaged`, async () => {
    const bytes = typeof content === 'string' ? Buffer.from(content, 'latin1') : content;
    const error = await failure(read(bytes), 'ERR_MOCO_CHECKPOINT');
    assert.match(error.message, message);
    assert.match(`${error.hint}`, hint);
    assert.doesNotMatch(`${error.message} ${error.hint}`, /damaged/);
  });
}

for (const [title, names, message, hint] of [
  [
    'TorchScript',
    ['a/data.pkl', 'a/code/x.py', 'a/constants.pkl'],
    /TorchScript program/,
    /jit\.load/,
  ],
  [
    'torch.export',
    ['a/archive_format', 'a/models/model.json'],
    /program of torch\.export/,
    /export\.load/,
  ],
  [
    'an older torch.export',
    ['serialized_exported_program.json'],
    /program of torch\.export/,
    /export/,
  ],
  ['Keras', ['config.json', 'model.weights.h5'], /a model of Keras/, /models of PyTorch/],
  ['NumPy', ['arr_0.npy'], /archive of NumPy/, TORCH_SAVE],
  ['a zip with a model', ['model.pth'], /a zip archive: "model\.pth" is in it/, /Unpack it/],
  ['a document', ['word/a.xml', 'b', 'c', 'd'], /it holds "word\/a\.xml", "b", "c" …/, /Expected/],
  ['an empty zip', [], /not one of torch\.save: it is empty/, /Expected/],
] as const) {
  test(`an archive of ${title} is named as such, compressed or not`, async () => {
    for (const method of [0, 8]) {
      const records = names.map((name) => ({ name, data: Buffer.from('x'), method }));
      const error = await failure(read(zip(records)), 'ERR_MOCO_CHECKPOINT');
      assert.match(error.message, message);
      assert.match(`${error.hint}`, hint);
      assert.doesNotMatch(`${error.message} ${error.hint}`, /damaged/);
    }
  });
}

test('a download that ended early is told as such', async () => {
  const content = await readFile(modelFile('plain.pth'));
  await refuses(
    read(content.subarray(0, 1000)),
    /has no end: the file is cut off/,
    /ended too early/,
  );
});

test('a folder is told which of its files to name', async () => {
  const path = join(folder, 'models');
  await mkdir(path);
  await refuses(readTensorFile(path), /models is a folder/, /^Name a file\.$/);
  for (const name of ['b.safetensors', 'a.pth', 'config.json'])
    await writeFile(join(path, name), '');
  await refuses(readTensorFile(path), /models is a folder/, /in it: a\.pth, b\.safetensors$/);
  await writeFile(join(path, '__0_0.distcp'), '');
  await refuses(readTensorFile(path), /models is a folder/, /dcp_to_torch_save/);
});

const f32 = (shape: number[], begin: number, end: number) => ({
  dtype: 'F32',
  shape,
  data_offsets: [begin, end],
});

for (const [title, header, bytes, message] of [
  ['a hole', { a: f32([1], 0, 4), b: f32([1], 8, 12) }, 12, /"b" does not begin where/],
  ['an overlap', { a: f32([2], 0, 8), b: f32([2], 4, 12) }, 12, /"b" does not begin where/],
  ['bytes left over', { a: f32([1], 0, 4) }, 5, /end at byte \d+, and the file has/],
  ['bytes missing', { a: f32([2], 0, 8) }, 4, /end at byte \d+, and the file has/],
  ['a wrong shape', { a: f32([3], 0, 8) }, 8, /"a" has 12 bytes by its shape/],
  ['a huge shape', { a: f32([2 ** 52, 2 ** 52], 0, 8) }, 8, /"a" has \d\.\d+e\+\d+ bytes by/],
  [
    'huge dimensions around an empty one',
    { a: f32([2 ** 52, 2 ** 52, 0], 0, 0) },
    0,
    /"a" has dimensions out of range/,
  ],
  ['a negative size', { a: f32([-1], 0, 4) }, 4, /tensor "a": shape: 0: /],
  ['a number as dtype', { a: { ...f32([1], 0, 4), dtype: 8 } }, 4, /tensor "a": dtype: /],
  ['an end before the start', { a: f32([0], 4, 0) }, 4, /"a" does not begin where/],
  ['a text as tensor', { a: 'b' }, 0, /tensor "a": /],
  ['a number as metadata', { __metadata__: { epoch: 3 } }, 0, /__metadata__: epoch: /],
  [
    '65 dimensions',
    { a: f32(Array(65).fill(1), 0, 4) },
    4,
    /tensor "a": shape: Too big: expected array to have <=64/,
  ],
  ['an endless name', { [`a${'b'.repeat(1000)}`]: f32([1], 0, 4) }, 4, /has 1001 characters/],
  ['half of a character', { 'a\ud800': f32([1], 0, 4) }, 4, /"a\\u\{d800\}" holds half of/],
  ['a comma too many', '{"a":1,}', 0, /header is not JSON/],
  ['a key twice', '{"a":{},"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}', 0, /key twice/],
] as const) {
  test(`safetensors with ${title} are refused`, () =>
    refuses(read(safetensors(header, Buffer.alloc(bytes))), message));
}

test('safetensors may have types without a meaning here, unknown fields, and no texts', async () => {
  const tensors = {
    a: { ...f32([1], 0, 4), more: { of: 'these' } },
    b: { dtype: 'F4', shape: [8], data_offsets: [4, 8] },
  };
  const file = await read(safetensors({ __metadata__: null, ...tensors }, Buffer.alloc(8)));
  assert.deepEqual(
    file.tensors.map(({ name }) => name),
    ['a'],
  );
  assert.deepEqual(file.opaque, [
    { what: 'tensor of F4', places: ['b'], count: 1, kind: 'tensor' },
  ]);
});

test('safetensors without any tensor, and with white space around the header, are read', async () => {
  assert.deepEqual((await read(safetensors('{}'))).tensors, []);
  assert.deepEqual((await read(safetensors('  {}  '))).tensors, []);
});

test('a header longer than the file, or than any real one, is refused', async () => {
  const file = safetensors({ a: f32([1], 0, 4) }, Buffer.alloc(4));
  file.writeBigUInt64LE(10_000n);
  await refuses(read(file), /refers to 10000 bytes at byte 8, and has only/);
  file.writeBigUInt64LE(2n ** 63n);
  await refuses(read(file), /its header has \d+ bytes, expected at most/);
});

test('a tensor named like a part of every object is a tensor', async () => {
  const header = '{"__proto__":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}';
  const { tensors } = await read(safetensors(header, Buffer.alloc(1)));
  assert.deepEqual(
    tensors.map(({ name }) => name),
    ['__proto__'],
  );
});

/** Two tensors in a safetensors file as moco writes it. */
function mocoSafetensors(change: (metadata: Record<string, string>) => void = () => {}): Buffer {
  const data = Buffer.from([1, 2, 3, 4, 5, 6, 7, 8]);
  const checksums = { a: hex(crc32(data.subarray(0, 4))), b: hex(crc32(data.subarray(4))) };
  const metadata = { format: 'moco-model', checksums: JSON.stringify(checksums) };
  const header = mocoHeader(metadata, { a: f32([1], 0, 4), b: f32([1], 4, 8) }, change);
  return safetensors(header, data);
}

test('a name in a message is short, and nothing that a terminal obeys', async () => {
  const header = { [`\x1b[2J${'x'.repeat(500)}`]: { ...f32([1], 0, 4), dtype: 8 } };
  await refuses(read(safetensors(header, Buffer.alloc(4))), /tensor "\\u\{1b\}\[2Jx+…": dtype/);
  const unknown = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`k${i}`, 0]));
  const many = await read(safetensors({ a: { ...f32([0], 0, 0), ...unknown } })).catch(String);
  assert.ok(`${many}`.length < 500);
});

test("moco's own safetensors give every tensor's CRC-32", async () => {
  const { tensors } = await read(mocoSafetensors());
  assert.deepEqual(
    tensors.map(({ storage }) => storage.crc32),
    [crc32(Buffer.from([1, 2, 3, 4])), crc32(Buffer.from([5, 6, 7, 8]))],
  );
});

test("moco's own safetensors may hold a tensor named like a part of every object", async () => {
  const texts = { format: 'moco-model', checksums: '{"__proto__":"d202ef8d"}' };
  const tensors = '{"__proto__":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}';
  const header = mocoHeader(texts, JSON.parse(tensors));
  const { tensors: found } = await read(safetensors(header, Buffer.alloc(1)));
  assert.deepEqual(
    found.map(({ name, storage }) => [name, storage.crc32]),
    [['__proto__', 0xd202ef8d]],
  );
});

test("every flipped bit in the header of moco's own safetensors is found", async () => {
  const file = mocoSafetensors();
  const headerEnd = 8 + Number(file.readBigUInt64LE());
  for (let bit = 0; bit < 8 * headerEnd; bit++) {
    const damaged = Buffer.from(file);
    damaged.writeUInt8(damaged.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    await refuses(read(damaged), /./);
  }
});

test("moco's own safetensors without their checksums are refused", async () => {
  const without = (key: string) => mocoSafetensors((metadata) => delete metadata[key]);
  await refuses(read(without('header_crc32')), /does not begin with its checksum/);
  await refuses(read(without('checksums')), /no checksums of the tensors/);
  const incomplete = mocoSafetensors((metadata) => {
    metadata.checksums = '{"a":"00000000"}';
  });
  await refuses(read(incomplete), /tensor "b" has no checksum/);
});
