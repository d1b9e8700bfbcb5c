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

test('what is no tensor of plain numbers is named, and nothing of it is run', async () => {
  const { tensors, opaque } = await readTensorFile(modelFile('complex.pth'));
  assert.deepEqual(
    tensors.map(({ name }) => name),
    ['real'],
  );
  const complex = { what: 'tensor of torch.complex64', places: ['complex'], count: 1 };
  assert.deepEqual(opaque, [{ ...complex, isModule: false }]);
  const [hostile] = (await readTensorFile(modelFile('hostile.pth'))).opaque;
  assert.deepEqual([hostile?.what, hostile?.places], ['posix.system', ['hostile']]);
});

for (const [name, message, hint] of [
  [
    'bad_whole_model',
    /holds a whole model, pickled as torch\.nn\.modules\.container\.Sequential, .*nothing of it was run/,
    /load\("…", weights_only=False\)\.state_dict\(\)/,
  ],
  ['bad_compressed', /its record "[^"]+" is compressed/, /torch\.save/],
  ['bad_byteorder', /another byte order/, /torch\.save/],
  ['bad_expanded', /"expanded" has 2000 elements, and its storage only 2/, /get it again/],
] as const) {
  test(`${name}.pth is refused`, () =>
    refuses(readTensorFile(modelFile(`${name}.pth`)), message, hint));
}

test('a path without a file, and a folder, are named', async () => {
  const missing = join(folder, 'missing.pth');
  await refuses(readTensorFile(missing), /^cannot read .*missing\.pth: there is no such file$/);
  await mkdir(join(folder, 'folder'));
  await refuses(readTensorFile(join(folder, 'folder')), /folder is a folder$/, /Name a file in it/);
});

test('a file of another kind is named as such', async () => {
  await refuses(read(''), /it is empty/);
  await refuses(read('epoch,train_loss\n1,5.5\n'), /not a file of tensors/, /\.pth .*safetensors/);
  const tar = Buffer.alloc(1024);
  tar.write('ustar', 257);
  await refuses(read(tar), /tar archive, as PyTorch wrote until 2017/);
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
  ['an unknown dtype', { a: { ...f32([1], 0, 4), dtype: 'F8' } }, 4, /tensor "a": dtype: /],
  ['an unknown field', { a: { ...f32([1], 0, 4), more: 1 } }, 4, /tensor "a": Unrecognized key/],
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
  const header = { [`\x1b[2J${'x'.repeat(500)}`]: { ...f32([1], 0, 4), dtype: 'F8' } };
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
