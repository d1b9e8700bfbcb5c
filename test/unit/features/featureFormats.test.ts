import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'csv-parse/sync';
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import { readFeatureFile } from '#moco/features/featureFile.js';
import { FEATURE_FORMATS } from '#moco/features/featureFormats.js';
import { bytesOf, featureContent, featureValues } from '../../support/featureContent.js';
import { writeAs } from '../../support/partialRows.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

const { safetensors, npy, csv, parquet } = FEATURE_FORMATS;
const content = featureContent();
const { ids } = content;

/** Numbers that are awkward as texts: of nine digits, tiny, huge, and of either zero. */
const AWKWARD = Float32Array.of(1 / 3, -0, 1e-45, 3.4028235e38, 16777217, 0.1);

/** 1, −2, the largest and the smallest number, and of 11 bits. */
const HALVES = Uint16Array.of(0x3c00, 0xc000, 0x7bff, 0x0001, 0x3555, 0x8000);
const HALF_NUMBERS = [1, -2, 65504, 2 ** -24, 0.333251953125, -0];

test('in safetensors, it is the file that moco reads', async (t) => {
  const out = join(temporaryFolder(t), 'features.safetensors');
  await writeAs(safetensors, out, content, bytesOf(AWKWARD));
  const { offset, ids, labels, meta } = await readFeatureFile(out);
  assert.deepEqual({ ids, labels, meta }, { ids, labels: content.labels, meta: content.meta });
  const stored = (await readFile(out)).subarray(offset, offset + AWKWARD.byteLength);
  assert.deepEqual(stored, Buffer.from(bytesOf(AWKWARD)));
});

test('an array of NumPy has its names and labels in a table beside it', async (t) => {
  const folder = temporaryFolder(t);
  await writeAs(npy, join(folder, 'features.npy'), content, bytesOf(AWKWARD));
  const bytes = await readFile(join(folder, 'features.npy'));
  assert.equal(bytes.toString('latin1', 0, 8), '\x93NUMPY\x01\0');
  const end = 10 + bytes.readUInt16LE(8);
  assert.equal(end % 64, 0);
  const header = bytes.toString('latin1', 10, end);
  assert.match(header, /^{'descr': '<f4', 'fortran_order': False, 'shape': \(3, 2\), } *\n$/);
  assert.deepEqual(bytes.subarray(end), Buffer.from(bytesOf(AWKWARD)));
  assert.deepEqual(parse(await readFile(join(folder, 'features.csv'))), [
    ...[
      ['filename', 'label'],
      ['a.jpg', 'dog'],
    ],
    ...[
      ['sub/b, "c".png', ''],
      ['é\n.webp', 'cat'],
    ],
  ]);
  assert.deepEqual((await readdir(folder)).sort(), ['features.csv', 'features.npy']);
});

test('where no picture has a label, tables have no such column', async (t) => {
  const folder = temporaryFolder(t);
  const bare = featureContent({ labels: undefined, classes: undefined });
  await writeAs(npy, join(folder, 'features.npy'), bare, bytesOf(AWKWARD));
  await writeAs(csv, join(folder, 'all.csv'), bare, bytesOf(AWKWARD));
  const [names] = parse(await readFile(join(folder, 'features.csv')));
  const [all] = parse(await readFile(join(folder, 'all.csv')));
  assert.deepEqual([names, all], [['filename'], ['filename', 'embedding_0', 'embedding_1']]);
});

test('a CSV file gives every number back, bit for bit', async (t) => {
  const out = join(temporaryFolder(t), 'features.csv');
  await writeAs(csv, out, content, bytesOf(AWKWARD));
  const rows = parse(await readFile(out), { columns: true }) as Record<string, string>[];
  const numbers = rows.flatMap(({ embedding_0, embedding_1 }) => [embedding_0, embedding_1]);
  assert.deepEqual(Float32Array.from(numbers, Number), AWKWARD);
  assert.deepEqual(
    rows.map(({ filename, label }) => [filename, label]),
    ids.map((id, row) => [id, ['dog', '', 'cat'][row]]),
  );
  assert.equal(numbers[5], '0.1');
});

test('a Parquet file has columns id, label and embedding', async (t) => {
  const out = join(temporaryFolder(t), 'features.parquet');
  await writeAs(parquet, out, content, bytesOf(AWKWARD));
  const rows = await parquetReadObjects({ file: await asyncBufferFromFile(out) });
  assert.deepEqual(
    rows.map(({ id, label }) => [id, label]),
    ids.map((id, row) => [id, ['dog', null, 'cat'][row]]),
  );
  assert.deepEqual(Float32Array.from(rows.flatMap((row) => row.embedding)), AWKWARD);
});

test('many rows are several groups of a Parquet file', async (t) => {
  const out = join(temporaryFolder(t), 'features.parquet');
  const [count, dims] = [3000, 512];
  const values = featureValues(count, dims);
  const names = Array.from({ length: count }, (_, row) => `${row}.jpg`);
  const many = featureContent({ count, dims, ids: names, labels: undefined });
  await writeAs(parquet, out, many, bytesOf(values));
  const file = await asyncBufferFromFile(out);
  assert.equal((await parquetMetadataAsync(file)).row_groups.length, 2);
  const rows = await parquetReadObjects({ file });
  assert.deepEqual(
    rows.map(({ id }) => id),
    names,
  );
  assert.deepEqual(rows[2999]?.embedding, [...values.subarray(2999 * dims)]);
});

test('features in fp16 stay so, and are written as the same numbers', async (t) => {
  const folder = temporaryFolder(t);
  const halves = featureContent({ dtype: 'F16' });
  const bytes = bytesOf(HALVES);
  await writeAs(npy, join(folder, 'f.npy'), halves, bytes);
  const array = await readFile(join(folder, 'f.npy'));
  assert.match(array.toString('latin1', 10, 128), /'<f2'/);
  assert.deepEqual(array.subarray(128), Buffer.from(bytes));
  await writeAs(csv, join(folder, 'f.csv'), halves, bytes);
  const rows = parse(await readFile(join(folder, 'f.csv')), { from: 2 }) as string[][];
  const numbers = rows.flatMap((row) => row.slice(2).map((text) => Math.fround(Number(text))));
  assert.deepEqual(numbers, HALF_NUMBERS);
  await writeAs(parquet, join(folder, 'f.parquet'), halves, bytes);
  const file = await asyncBufferFromFile(join(folder, 'f.parquet'));
  const read = await parquetReadObjects({ file });
  assert.deepEqual(
    read.flatMap((row) => row.embedding),
    HALF_NUMBERS,
  );
});
