import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import { readFeatureFile } from '#moco/features/featureFile.js';
import { writeFeatureFile } from '#moco/features/writeFeatureFile.js';
import { readTensorFile } from '#moco/formats/readTensorFile.js';
import { verifyChecksums } from '#moco/formats/verifyChecksums.js';
import { failure } from '../../support/failure.js';
import { bytesOf, featureContent, featureValues } from '../../support/featureContent.js';
import { packedBytes, packedParts } from '../../support/packedFile.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

const folder = temporaryFolder();
const path = join(folder, 'features.safetensors');
const values = featureValues(3, 2);
const { meta, ids, labels, classes, broken } = featureContent();

test('what is written is read again, with the place of the features', async () => {
  const bytes = bytesOf(values);
  await writeFeatureFile(path, featureContent(), [bytes.subarray(0, 5), bytes.subarray(5)]);
  const file = await readFeatureFile(path);
  assert.deepEqual(file, {
    ...{ path, offset: file.offset, dtype: 'F32', count: 3, dims: 2, crc32: crc32(bytes) },
    ...{ ids, labels, classes, broken, meta },
  });
  assert.equal(file.offset % 64, 0);
  const stored = (await readFile(path)).subarray(file.offset, file.offset + bytes.length);
  assert.deepEqual(stored, Buffer.from(bytes));
  assert.deepEqual(await readdir(folder), ['features.safetensors']);
});

test('it is a file of safetensors whose first tensor is the features, and each has a checksum', async () => {
  await writeFeatureFile(path, featureContent(), [bytesOf(values)]);
  const file = await readTensorFile(path);
  assert.deepEqual(
    file.tensors.map(({ name, dtype, shape }) => [name, dtype, shape.length]),
    [
      ['features', 'F32', 2],
      ['labels', 'I32', 1],
      ...['ids', 'classes', 'broken'].map((name) => [name, 'U8', 1]),
    ],
  );
  assert.equal(await verifyChecksums(file), 5);
});

test('behind an odd number of fp16 numbers, labels lie at a multiple of four', async () => {
  const content = featureContent({ dtype: 'F16', count: 3, dims: 1 });
  await writeFeatureFile(path, content, [new Uint8Array(6)]);
  const { tensors } = await readTensorFile(path);
  const place = tensors.find(({ name }) => name === 'labels')?.storage.offset as number;
  assert.equal(place % 4, 0);
  assert.deepEqual((await readFeatureFile(path)).labels, labels);
});

test('labels, classes and broken files need not be there', async () => {
  const bare = { labels: undefined, classes: undefined, broken: undefined };
  await writeFeatureFile(path, featureContent(bare), [bytesOf(values)]);
  const file = await readFeatureFile(path);
  assert.deepEqual([file.labels, file.classes, file.broken], [undefined, undefined, []]);
});

test('features of which some are missing are not written, and the old file stays', async () => {
  await writeFeatureFile(path, featureContent(), [bytesOf(values)]);
  const before = await readFile(path);
  const writing = writeFeatureFile(path, featureContent(), [new Uint8Array(20)]);
  assert.match((await failure(writing)).message, /20 bytes of features were given, expected 24/);
  assert.deepEqual(await readFile(path), before);
  assert.deepEqual(await readdir(folder), ['features.safetensors']);
});

/** Files whose checksums are right, and what is said of them. */
const HOSTILE: readonly [
  title: string,
  change: (parts: ReturnType<typeof packedParts>) => void,
  message: RegExp,
][] = [
  ['another format', ({ texts }) => Object.assign(texts, { format: 'moco-x' }), /no file of feat/],
  ['no description', ({ texts }) => Object.assign(texts, { features: '{' }), /its header is wrong/],
  [
    'a version of the future',
    ({ texts }) => Object.assign(texts, { features: JSON.stringify({ ...meta, version: 2 }) }),
    /its header is wrong: version/,
  ],
  ['no features', ({ tensors }) => tensors.splice(0, 1), /it has no tensor "features"/],
  ['no ids', ({ tensors }) => tensors.splice(2, 1), /it has no tensor "ids"/],
  ['fewer ids than rows', (parts) => replace(parts, 'ids', '["a"]'), /3 rows and 1 ids/],
  ['ids that are numbers', (parts) => replace(parts, 'ids', '[1,2,3]'), /"ids" does not hold/],
  ['ids that are no JSON', (parts) => replace(parts, 'ids', '["a"'), /"ids" does not hold/],
  [
    'a label without a class',
    (parts) => replace(parts, 'labels', bytesOf(Int32Array.of(0, 2, 0))),
    /row 1 has the label 2/,
  ],
  [
    'labels below −1',
    (parts) => replace(parts, 'labels', bytesOf(Int32Array.of(0, 1, -2))),
    /row 2 has the label -2/,
  ],
  ['labels without classes', ({ tensors }) => tensors.splice(3, 1), /row 0 has the label 1/],
  [
    'other numbers',
    ({ tensors }) => Object.assign(tensors[0] ?? {}, { dtype: 'I32' }),
    /"features" is I32/,
  ],
  [
    'rows of no numbers',
    ({ tensors }) => Object.assign(tensors[0] ?? {}, { shape: [3, 0], bytes: Buffer.alloc(0) }),
    /3 features of 0 numbers/,
  ],
  [
    'more rows than bytes',
    ({ tensors }) => Object.assign(tensors[0] ?? {}, { shape: [4, 2] }),
    /has 32 bytes by its shape/,
  ],
  [
    'features at a place that cannot be mapped',
    ({ tensors }) => tensors.unshift({ name: 'x', dtype: 'U8', shape: [1], bytes: Buffer.of(0) }),
    /which is no multiple of 64/,
  ],
];

function replace(
  { tensors }: ReturnType<typeof packedParts>,
  name: string,
  content: string | Uint8Array,
): void {
  const bytes = Buffer.from(content as string);
  const tensor = tensors.find((each) => each.name === name);
  Object.assign(tensor ?? {}, { bytes, ...(name === 'ids' && { shape: [bytes.length] }) });
}

for (const [title, change, message] of HOSTILE) {
  test(`a file with ${title} is an error`, async () => {
    await writeFeatureFile(path, featureContent(), [bytesOf(values)]);
    const parts = packedParts(await readFile(path));
    change(parts);
    const padded = (header: string) => header.padEnd(64 * Math.ceil((header.length + 8) / 64) - 8);
    await writeFile(path, packedBytes(parts, padded));
    const error = await failure(readFeatureFile(path), 'ERR_MOCO_DATA');
    assert.match(error.message, message);
    assert.ok(error.message.startsWith(path) && error.hint?.includes('moco embed'));
  });
}

test('any other file, or none, is told to be no file of features', async () => {
  for (const content of ['', 'a', 'filename,label\n', '\x93NUMPY\x01\0v\0{}']) {
    await writeFile(path, content, 'latin1');
    const { message } = await failure(readFeatureFile(path), 'ERR_MOCO_DATA');
    assert.match(message, /it is no file of features/, content);
  }
  const missing = await failure(readFeatureFile(join(folder, 'missing')), 'ERR_MOCO_DATA');
  assert.match(missing.message, /there is no such file/);
  assert.equal(missing.hint, 'Check the path.');
});
