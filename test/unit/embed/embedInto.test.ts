import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { appendFile, mkdir, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type FeatureFile, readFeatureFile } from '#moco/features/featureFile.js';
import { packPictures } from '#moco/pictures/packPictures.js';
import { type DoubleRun, modelIn, runOnDouble } from '../../support/embedRun.js';
import { COLOUR_SIDE, ColourDouble, colourRow } from '../../support/encoderDouble.js';
import { failure } from '../../support/failure.js';
import { gradient, pngOf, writeFiles, writePictures } from '../../support/pictureFolder.js';
import { SMALL100, writeCifar } from '../../support/smallCifar.js';
import { runWithSmallDisk } from '../../support/smallDisk.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

/** A folder of nine pictures in two classes, and a run on them. */
async function setUp(t: TestContext) {
  const folder = temporaryFolder(t);
  const [pictures, out] = [join(folder, 'pictures'), join(folder, 'features.safetensors')];
  const names = ['b/1.png', 'b/2.png', 'a/3.png', 'a/4.png', 'a/5.png', '6.png', 'a/7.png'];
  await writePictures(pictures, [...names, 'b/8.png', 'b/9.png'], COLOUR_SIDE);
  const model = await modelIn(folder);
  const run = (config: DoubleRun['config'] = {}, more: Partial<DoubleRun> = {}) =>
    runOnDouble({ description: { model }, ...more, config: { data: [pictures], out, ...config } });
  return { folder, pictures, out, model, run };
}

/** The names in the order of a scan, with the number of each one's gradient. */
const IN_ORDER: readonly (readonly [name: string, number: number, label: number])[] = [
  ...[['6.png', 5, -1] as const, ['a/3.png', 2, 0] as const, ['a/4.png', 3, 0] as const],
  ...[['a/5.png', 4, 0] as const, ['a/7.png', 6, 0] as const, ['b/1.png', 0, 1] as const],
  ...[['b/2.png', 1, 1] as const, ['b/8.png', 7, 1] as const, ['b/9.png', 8, 1] as const],
];

const rowOf = (number: number) => colourRow(gradient(COLOUR_SIDE, COLOUR_SIDE, number));

/** The numbers in a feature file. */
async function rowsIn({ path, offset, count, dims }: FeatureFile): Promise<number[]> {
  const bytes = Uint8Array.from((await readFile(path)).subarray(offset, offset + 4 * count * dims));
  return [...new Float32Array(bytes.buffer)];
}

test('the features of a folder are written in the order of the names', async (t) => {
  const { out, model, run } = await setUp(t);
  const { result } = await run();
  assert.deepEqual(result.files, [out]);
  assert.deepEqual(result.dims, [9, 4]);
  const file = await readFeatureFile(out);
  assert.deepEqual(
    file.ids,
    IN_ORDER.map(([name]) => name),
  );
  const expected = IN_ORDER.flatMap(([, number]) => [...Float32Array.from(rowOf(number))]);
  assert.deepEqual(await rowsIn(file), expected);
  assert.deepEqual([file.labels, file.classes, file.broken], [undefined, undefined, []]);
  assert.deepEqual(file.meta, {
    ...{ version: 1, mocoVersion: '0.0.0', output: 'features', normalized: false },
    ...{ input: model.input },
    model: {
      ...{ name: 'model.pth', arch: 'resnet18', stem: 'cifar' },
      sha256: createHash('sha256').update('a model').digest('hex'),
    },
  });
});

test('labels and classes stand beside them', async (t) => {
  const { out, run } = await setUp(t);
  const { result } = await run({ labels: 'folders' });
  const { labels, classes } = await readFeatureFile(out);
  assert.deepEqual(
    labels,
    Int32Array.from(IN_ORDER, ([, , label]) => label),
  );
  assert.deepEqual(
    [classes, result.classes],
    [
      ['a', 'b'],
      ['a', 'b'],
    ],
  );
});

test('options reach the encoder and the header', async (t) => {
  const { out, run } = await setUp(t);
  await run({ output: 'projection', normalize: true, dtype: 'fp16' });
  const { dtype, meta } = await readFeatureFile(out);
  assert.deepEqual([dtype, meta.output, meta.normalized], ['F16', 'projection', true]);
});

test('files that are broken are left out and listed', async (t) => {
  const { pictures, out, run } = await setUp(t);
  await writeFiles(pictures, { 'a/0.png': 'no picture', 'a/6.png': '', 'c/9.png': 'no picture' });
  const seen: [number, number][] = [];
  const { result } = await run(
    { labels: 'folders' },
    { tell: ({ done, broken }) => seen.push([done, broken]) },
  );
  const file = await readFeatureFile(out);
  assert.deepEqual(
    file.ids,
    IN_ORDER.map(([name]) => name),
  );
  assert.deepEqual(
    file.labels,
    Int32Array.from(IN_ORDER, ([, , label]) => label),
  );
  assert.deepEqual(
    file.broken.map(({ name }) => name),
    ['a/0.png', 'a/6.png', 'c/9.png'],
  );
  assert.match(file.broken[1]?.reason ?? '', /empty/);
  assert.deepEqual(result.broken, file.broken);
  assert.deepEqual(seen.at(-1), [12, 3]);
});

test('with strict, the first broken file is an error, and no features are written', async (t) => {
  const { pictures, out, run } = await setUp(t);
  await writeFiles(pictures, { 'a/6.png': 'no picture' });
  const { message } = await failure(run({ strict: true }), 'ERR_MOCO_DATA');
  assert.match(message, /^a\/6\.png: its content is no JPEG/);
  assert.equal(existsSync(out), false);
});

test('where no file gives features, that is an error, and nothing is left', async (t) => {
  const { folder, out, run } = await setUp(t);
  const data = [join(folder, 'other')];
  await writeFiles(data[0] as string, { '1.png': 'no picture' });
  const { message } = await failure(run({ data }), 'ERR_MOCO_DATA');
  assert.match(message, /none of 1 files can be read/);
  assert.deepEqual((await readdir(folder)).sort(), ['model.pth', 'other', 'pictures']);
  assert.equal(existsSync(out), false);
});

test('a projection is asked only of a model that has a head', async (t) => {
  const { folder, model, run } = await setUp(t);
  const description = { model, dims: { features: 4, projection: undefined } };
  const error = await failure(run({ output: 'projection' }, { description }), 'ERR_MOCO_CONFIG');
  assert.match(error.message, /has no projection head/);
  assert.deepEqual((await readdir(folder)).sort(), ['model.pth', 'pictures']);
});

/** Runs until two batches were written, then stops. */
async function runPart(run: Awaited<ReturnType<typeof setUp>>['run'], config = {}): Promise<void> {
  const controller = new AbortController();
  const running = run(config, {
    signal: controller.signal,
    native: new (class extends ColourDouble {
      override async embed(...args: Parameters<ColourDouble['embed']>) {
        if (this.requests.length === 2) controller.abort();
        return await super.embed(...args);
      }
    })(),
  });
  const { message, hint } = await failure(running, 'ERR_MOCO_ABORTED');
  assert.match(message, /was stopped after [89] of \d+ pictures/);
  assert.match(`${hint}`, /goes on from there/);
}

for (const format of ['safetensors', 'npy', 'csv', 'parquet'] as const) {
  test(`a run that was stopped goes on, and gives the same ${format}`, async (t) => {
    const { folder, pictures, run } = await setUp(t);
    await writeFiles(pictures, { 'a/6.png': 'no picture' });
    const [whole, out] = [join(folder, `whole.${format}`), join(folder, `out.${format}`)];
    await run({ out: whole, labels: 'folders' });
    const config = { out, labels: 'folders' };
    await runPart(run, config);
    assert.equal(existsSync(out), false);
    const { done, warnings } = await run(config);
    assert.equal(done, 9); // two batches of four, and a broken file among them
    assert.deepEqual(
      warnings.filter((warning) => warning.includes('begins anew')),
      [],
    );
    assert.deepEqual(await readFile(out), await readFile(whole));
    const left = (await readdir(folder)).filter((name) => /part|tmp|running/.test(name));
    assert.deepEqual(left, []);
  });
}

test('a table that a run wrote beside its array before it ended is no hindrance', async (t) => {
  const { folder, run } = await setUp(t);
  const out = join(folder, 'features.npy');
  await runPart(run, { out });
  await writeFile(join(folder, 'features.csv'), 'of the same run');
  const { result } = await run({ out });
  assert.deepEqual(result.files, [out, join(folder, 'features.csv')]);
});

const CHANGES: Record<
  string,
  (s: Awaited<ReturnType<typeof setUp>>) => Promise<readonly [object?, object?]>
> = {
  'another model': async ({ folder }) => {
    const model = await modelIn(folder, 'another model');
    return [{}, { description: { model } }];
  },
  'other settings': async () => [{ normalize: true }],
  'another file': async ({ pictures }) => {
    await writeFiles(pictures, { 'b/9.png': await pngOf(COLOUR_SIDE, COLOUR_SIDE, 99) });
    return [];
  },
  'another precision': async ({ model }) => [{}, { description: { model, precision: 'bf16' } }],
};

for (const [title, change] of Object.entries(CHANGES)) {
  test(`with ${title}, it begins anew and says so`, async (t) => {
    const all = await setUp(t);
    await runPart(all.run);
    const { done, warnings } = await all.run(...(await change(all)));
    assert.equal(done, 0);
    assert.match(warnings[0] ?? '', /begins anew/);
  });
}

test('a line of the journal that is not whole, and other bytes, are made again', async (t) => {
  const { folder, out, run } = await setUp(t);
  const whole = join(folder, 'whole.safetensors');
  await run({ out: whole });
  for (const damage of [
    async () => await appendFile(`${out}.part.jsonl`, '01234567 {"next":9'),
    async () => {
      await using file = await open(`${out}.part`, 'r+');
      const { size } = await file.stat();
      await file.write(Buffer.of(1), 0, 1, size - 5);
    },
  ]) {
    await runPart(run);
    await damage();
    await run();
    assert.deepEqual(await readFile(out), await readFile(whole));
    await rm(out);
  }
});

test('a file that is there is not replaced, unless that is asked for', async (t) => {
  const { folder, out, run } = await setUp(t);
  await writeFile(out, 'something else');
  const error = await failure(run(), 'ERR_MOCO_OUTPUT');
  assert.match(error.message, /exists already and was not changed/);
  assert.equal(await readFile(out, 'utf8'), 'something else');
  await run({ force: true });
  assert.equal((await readFeatureFile(out)).count, 9);
  const array = join(folder, 'array.npy');
  await writeFile(join(folder, 'array.csv'), 'a table of mine');
  assert.match((await failure(run({ out: array }))).message, /array\.csv exists already/);
});

for (const [moment, format] of [
  ['while rows are written', 'safetensors'],
  ['when the final file is made', 'csv'],
]) {
  test(`a disk that is full ${moment} is told, and the run goes on when there is room`, async (t) => {
    const { folder, model, run } = await setUp(t);
    const [many, out] = [join(folder, 'many'), join(folder, `features.${format}`)];
    await writePictures(
      many,
      Array.from({ length: 400 }, (_, at) => `a long name ${at}.png`),
      COLOUR_SIDE,
    );
    const support = new URL('../../support/embedRun.js', import.meta.url);
    const given = JSON.stringify({ config: { data: [many], out }, description: { model } });
    const printed = runWithSmallDisk(`
      import { runOnDouble } from ${JSON.stringify(support)};
      await runOnDouble(${given}).catch(({ code, message }) => console.log(code, message));
    `);
    assert.match(printed, /^ERR_MOCO_OUTPUT cannot write .*features.*size limit \(EFBIG\)/);
    assert.equal(existsSync(out), false);
    const { done } = await run({ data: [many], out });
    assert.equal(done, format === 'csv' ? 400 : 0);
    assert.deepEqual((await readdir(folder)).sort(), [
      ...[`features.${format}`, 'many', 'model.pth', 'pictures'],
    ]);
  });
}

test('a folder in the place of a file is an error before anything is computed', async (t) => {
  const { out, run } = await setUp(t);
  await mkdir(out);
  const native = new ColourDouble();
  const { message } = await failure(run({ force: true }, { native }), 'ERR_MOCO_OUTPUT');
  assert.match(message, /a folder is in its place/);
  assert.deepEqual(native.requests, []);
});

test('while one run writes a file, another one is refused', async (t) => {
  const { run } = await setUp(t);
  const native = new ColourDouble();
  native.holding = true;
  const first = run({}, { native });
  while (native.requests.length === 0) await new Promise(setImmediate);
  const { message } = await failure(run(), 'ERR_MOCO_OUTPUT');
  assert.match(message, /writes the same files/);
  native.holding = false;
  assert.deepEqual((await first).result.dims, [9, 4]);
});

test('an unpacked folder and its packed file have the same features', async (t) => {
  const { folder, pictures, out, run } = await setUp(t);
  const packed = join(folder, 'pictures.moco');
  await packPictures([pictures], packed, { storedSize: COLOUR_SIDE, labels: 'folders' });
  await run({ labels: 'folders' });
  const other = join(folder, 'packed.safetensors');
  await run({ data: [packed], out: other });
  const [one, two] = [await readFeatureFile(out), await readFeatureFile(other)];
  assert.deepEqual(await rowsIn(two), await rowsIn(one));
  const listed = ({ ids, labels, classes }: FeatureFile) => ({ ids, labels, classes });
  assert.deepEqual(listed(two), listed(one));
});

test('subsets are the splits of folders, of a packed file, and of a data set', async (t) => {
  const { folder, out, run } = await setUp(t);
  const data = [join(folder, 'split')];
  const names = ['train/a/1.png', 'train/b/2.png', 'val/a/3.png', 'test/b/4.png'];
  await writePictures(data[0] as string, names, COLOUR_SIDE);
  const packed = join(folder, 'split.moco');
  await packPictures(data, packed, { storedSize: COLOUR_SIDE, labels: 'folders' });
  for (const given of [data, [packed]]) {
    for (const [subset, expected] of [
      ['train', ['train/a/1.png', 'train/b/2.png']],
      ['validation', ['val/a/3.png']],
      ['test', ['test/b/4.png']],
    ] as const) {
      await run({ data: given, subset, labels: 'folders', force: true });
      const { ids, labels } = await readFeatureFile(out);
      assert.deepEqual(ids, expected);
      const byName = expected.map((name) => (name.includes('/a/') ? 0 : 1));
      assert.deepEqual(labels, Int32Array.from(byName));
    }
  }
  const { hint, message } = await failure(run({ subset: 'test', force: true }), 'ERR_MOCO_DATA');
  assert.match(message, /no pictures in a folder test/);
  assert.match(`${hint}`, /--subset all/);
});

test('pictures of a data set are named by their split and number', async (t) => {
  const { folder, out, run } = await setUp(t);
  await writeCifar(SMALL100, folder);
  const named = { data: [], dataset: 'cifar100' as const, dataRoot: folder };
  await run(named);
  const { ids, labels, classes } = await readFeatureFile(out);
  assert.equal(ids.length, 70);
  assert.deepEqual([ids[0], ids[49], ids[50]], ['train 0', 'train 49', 'test 0']);
  assert.deepEqual(
    labels,
    Int32Array.from(ids, (id) => Number(id.split(' ')[1])),
  );
  assert.equal(classes?.length, 100);
  const all = await rowsIn(await readFeatureFile(out));
  await run({ ...named, subset: 'test', force: true });
  const test = await readFeatureFile(out);
  assert.deepEqual(test.ids[0], 'test 0');
  assert.deepEqual(await rowsIn(test), all.slice(50 * 4));
});

test('what the listener throws ends the run', async (t) => {
  const { run } = await setUp(t);
  const tell = () => {
    throw new Error('enough');
  };
  await assert.rejects(run({}, { tell }), { message: 'enough' });
});
