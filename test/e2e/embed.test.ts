import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { parse } from 'csv-parse/sync';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import { embedPictures, loadEncoder, neighbours, packPictures, train } from 'moco-node';
import { readFeatureFile } from '#moco/features/featureFile.js';
import { failure } from '../support/failure.js';
import { runMoco } from '../support/moco.js';
import { writeFiles, writePictures } from '../support/pictureFolder.js';
import { backboneOf, encoderLayout } from '../support/resnetLayout.js';
import { writeZeros } from '../support/safetensorsFile.js';
import { SMALL100, writeCifar } from '../support/smallCifar.js';
import { temporaryFolder } from '../support/temporaryFolder.js';
import { TINY_FEATURES, TINY_RUN } from '../support/tinyRun.js';

/** Length of a ResNet-18's features. */
const DIMS = TINY_FEATURES;

const COMPUTE = { device: 'cpu', threads: 1, precision: 'fp32' } as const;

const folder = temporaryFolder();
const pictures = join(folder, 'my pictures');
const NAMES = ['train', 'test'].flatMap((split) =>
  Array.from(
    { length: 20 },
    (_, at) => `${split}/class ${at % 2}/${String(at).padStart(2, '0')}.png`,
  ),
);
let modelPath: string;

before(async () => {
  await writePictures(pictures, NAMES, 40); // resized to 32
  await writeFiles(pictures, { 'test/broken.jpg': 'no picture' });
  modelPath = (await train({ ...TINY_RUN, epochs: 1, out: join(folder, 'model') })).files.model;
});

const embed = (changes: object) =>
  embedPictures({ ...COMPUTE, modelPath, data: [pictures], labels: 'folders', ...changes });

/** The numbers in a feature file. */
async function rowsIn(path: string): Promise<Float32Array> {
  const { offset, count, dims } = await readFeatureFile(path);
  const bytes = Uint8Array.from((await readFile(path)).subarray(offset, offset + 4 * count * dims));
  return new Float32Array(bytes.buffer);
}

/** Makes sure that normalised features are as alike as `moco neighbours` finds the pictures. */
async function requireAsAlike(path: string, asked: object): Promise<void> {
  const { ids } = await readFeatureFile(path);
  const rows = await rowsIn(path);
  const rowOf = (name: string) => rows.subarray(ids.indexOf(name) * DIMS).subarray(0, DIMS);
  const page = { k: 5, page: join(folder, 'page.html') };
  const found = await neighbours({ ...COMPUTE, modelPath, labels: 'folders', ...page, ...asked });
  for (const picture of found.pictures) {
    for (const { name, similarity } of picture.neighbours) {
      const other = rowOf(name);
      const product = rowOf(picture.name).reduce(
        (sum, x, at) => sum + x * (other[at] as number),
        0,
      );
      assert.ok(Math.abs(product - similarity) < 1e-5, `${picture.name} ${name}`);
    }
  }
}

test('the features of a folder are those that an encoder gives, and those of its packed file', async () => {
  const out = join(folder, 'own.safetensors');
  const { dims, broken, classes, description } = await embed({ out });
  assert.deepEqual(
    [dims, classes],
    [
      [40, DIMS],
      ['class 0', 'class 1'],
    ],
  );
  assert.deepEqual(
    broken.map(({ name }) => name),
    ['test/broken.jpg'],
  );
  assert.equal(description.model.arch, 'resnet18');
  const { ids } = await readFeatureFile(out);
  assert.deepEqual(ids, [...NAMES].sort());
  const rows = await rowsIn(out);
  assert.ok(rows.every(Number.isFinite) && rows.some((value) => value !== 0));
  await using encoder = await loadEncoder(modelPath, COMPUTE);
  const { data } = await encoder.embed(ids.map((id) => join(pictures, id)));
  assert.deepEqual(data, rows);
  const packed = join(folder, 'packed.moco');
  await packPictures([pictures], packed, { labels: 'folders', imageSize: 32 });
  await embed({ data: [packed], out: join(folder, 'packed.safetensors') });
  assert.deepEqual(await rowsIn(join(folder, 'packed.safetensors')), rows);
});

test('they are as alike as moco neighbours and moco knn find them', async () => {
  const out = join(folder, 'normalised.safetensors');
  await embed({ out, normalize: true });
  await requireAsAlike(out, { data: [pictures], dataRoot: folder, queries: 20 });
});

test('every format holds the same features', async () => {
  const out = (ending: string) => join(folder, `formats.${ending}`);
  for (const ending of ['safetensors', 'npy', 'parquet']) await embed({ out: out(ending) });
  const { ids } = await readFeatureFile(out('safetensors'));
  const rows = [...(await rowsIn(out('safetensors')))];
  const array = await readFile(out('npy'));
  assert.deepEqual([...new Float32Array(Uint8Array.from(array.subarray(128)).buffer)], rows);
  const names = parse(await readFile(out('csv'))) as string[][];
  assert.deepEqual(
    names.slice(1),
    ids.map((id) => [id, id.split('/')[1]]),
  );
  const table = await parquetReadObjects({ file: await asyncBufferFromFile(out('parquet')) });
  assert.deepEqual(
    table.flatMap((row) => row.embedding),
    rows,
  );
  await embed({ out: out('csv'), force: true });
  const lines = parse(await readFile(out('csv')), { from: 2 }) as string[][];
  assert.deepEqual(
    lines.flatMap(([, , ...numbers]) => numbers.map((text) => Math.fround(Number(text)))),
    rows,
  );
});

test('the projection is asked for, normalised, and in fp16', async () => {
  const out = join(folder, 'projection.safetensors');
  const { dims } = await embed({ out, output: 'projection', normalize: true, dtype: 'fp16' });
  assert.deepEqual(dims, [40, TINY_RUN.featureDim]);
  const { dtype, meta } = await readFeatureFile(out);
  assert.deepEqual([dtype, meta.output, meta.normalized], ['F16', 'projection', true]);
});

test('a call that a signal ends goes on the next time', async () => {
  const out = join(folder, 'stopped.safetensors');
  const controller = new AbortController();
  const stopped = embedPictures(
    { ...COMPUTE, modelPath, data: [pictures], out },
    { signal: controller.signal, onProgress: () => controller.abort() },
  );
  const { hint } = await failure(stopped, 'ERR_MOCO_ABORTED');
  assert.equal(hint, 'The same command goes on from there.');
  assert.deepEqual((await embed({ out, labels: 'none' })).dims, [40, DIMS]);
});

test('a data set that has a name is embedded from its pixels', async () => {
  const out = join(folder, 'cifar.npy');
  await writeCifar(SMALL100, folder);
  const data = { data: [], labels: 'none', dataset: 'cifar100', dataRoot: folder, subset: 'test' };
  const { files, dims } = await embed({ ...data, out });
  assert.deepEqual(files, [out, join(folder, 'cifar.csv')]);
  assert.deepEqual(dims, [20, DIMS]);
});

test('packed pictures of another size are seen as an evaluation sees them', async () => {
  const packed = join(folder, 'other size.moco');
  await packPictures([pictures], packed, { labels: 'folders', imageSize: 40, storedSize: 40 });
  const out = join(folder, 'other size.safetensors');
  const { description } = await embed({ data: [packed], out, normalize: true });
  assert.deepEqual([description.side, description.model.input.imageSize], [40, 32]);
  await requireAsAlike(out, { data: [packed], queries: 5 });
});

test('of a model that does not say what it sees, packed pictures or the settings do', async () => {
  const foreign = join(folder, 'foreign.safetensors');
  await writeZeros(foreign, backboneOf(encoderLayout('resnet18', 128, 'cifar')));
  const packed = join(folder, 'large.moco');
  await packPictures([pictures], packed, { imageSize: 48, storedSize: 64 });
  const of = async (changes: object) =>
    await embed({
      modelPath: foreign,
      labels: 'none',
      out: join(folder, 'foreign.csv'),
      force: true,
      ...changes,
    });
  const { input } = (await of({ data: [packed] })).description.model;
  assert.deepEqual([input.imageSize, input.cropShare], [48, 0.75]);
  const { message } = await failure(of({}), 'ERR_MOCO_CONFIG');
  assert.match(message, /does not say what it sees/);
  const said = { imageSize: 64, mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] };
  assert.deepEqual((await of(said)).description.model.input, { ...said, cropShare: 64 / 72 });
});

test('the command writes the file, and lists what it has left out', () => {
  const words = ['embed', '--model-path', modelPath, '--data', pictures, '--out', 'cli.npy'];
  const { status, stdout, stderr } = runMoco(folder, [...words, '--threads', '1']);
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^data {4}my pictures: 41 pictures$/m);
  assert.match(stdout, /^wrote cli\.npy: 40 pictures, 128 numbers each, their names in cli\.csv$/m);
  assert.match(
    stdout,
    /^1 file could not be read and is left out\n {2}test\/broken\.jpg: its content/m,
  );
  assert.match(stderr, /^embedding into cli\.npy$/m);
});

test('the command prints one object with --json, and refuses what is broken with --strict', () => {
  const words = ['embed', '--model-path', modelPath, '--data', pictures, '--threads', '1'];
  const { stdout } = runMoco(folder, [...words, '--out', 'json.csv', '--json']);
  const { dims, format, broken } = JSON.parse(stdout);
  assert.deepEqual([dims, format, broken.length], [[40, DIMS], 'csv', 1]);
  const strict = runMoco(folder, [...words, '--out', 'strict.csv', '--strict']);
  assert.equal(strict.status, 1);
  assert.match(
    strict.stderr,
    /^error: test\/broken\.jpg: its content is no JPEG.*\[ERR_MOCO_DATA\]$/m,
  );
  const wrong = runMoco(folder, [...words, '--out', 'features.txt']);
  assert.equal(wrong.status, 2);
  assert.match(
    wrong.stderr,
    /out: expected a name that ends in \.safetensors, .*, given features\.txt/,
  );
});
