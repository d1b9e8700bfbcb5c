import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, test } from 'node:test';
import {
  inspectFile,
  knn,
  neighbours,
  type TrainConfigInput,
  type TrainEvent,
  train,
} from 'moco-node';
import sharp from 'sharp';
import { CIFAR10 } from '#moco/data/cifarVariant.js';
import { loadDataset } from '#moco/data/load.js';
import { readTensorFile } from '#moco/formats/readTensorFile.js';
import type { StoredTensor } from '#moco/formats/tensorFile.js';
import { failure } from '../support/failure.js';
import { temporaryFolder } from '../support/temporaryFolder.js';
import { TINY_RUN } from '../support/tinyRun.js';

const [SIDE, TRAIN, TEST] = [32, 64, 32];

const folder = temporaryFolder();
const own = join(folder, 'my pictures, all of them');
const { dataset: _, trainLimit: __, testLimit: ___, ...RUN } = { ...TINY_RUN, epochs: 1 };

/** CIFAR-10's numbers: what a run on its files normalises by. */
const NORMALISATION = { mean: [...CIFAR10.mean], std: [...CIFAR10.std] };

/** The same pictures as PNGs in folders by class, and as CIFAR-10's files, in the same order. */
before(async () => {
  const { train, test: tested } = await loadDataset({
    ...{ dataset: 'shapes', dataRoot: folder, seed: 3, trainLimit: TRAIN, testLimit: TEST },
  });
  await mkdir(join(folder, CIFAR10.folder));
  for (const [pictures, split, file] of [
    [train, 'train', 'data_batch_1.bin'],
    [tested, 'test', 'test_batch.bin'],
  ] as const) {
    const byClass = [...pictures.labels.keys()].sort(
      (a, b) => (pictures.labels[a] as number) - (pictures.labels[b] as number) || a - b,
    );
    const records: Buffer[] = [];
    for (const index of byClass) {
      const label = pictures.labels[index] as number;
      const bytes = 3 * SIDE * SIDE;
      const pixels = pictures.pixels.subarray(index * bytes, (index + 1) * bytes);
      records.push(recordOf(label, pixels));
      const name = `${String(index).padStart(2, '0')}.png`; // names are in the order of their bytes
      await writePng(join(own, split, `class ${label}`), name, pixels);
    }
    await writeFile(join(folder, CIFAR10.folder, file), Buffer.concat(records));
  }
  const names = CIFAR10.classes.map((_, label) => `class ${label}`);
  await writeFile(join(folder, CIFAR10.folder, 'batches.meta.txt'), names.join('\n'));
});

function recordOf(label: number, pixels: Uint8Array): Buffer {
  const planes = [0, 1, 2].map((channel) => pixels.filter((_, at) => at % 3 === channel));
  return Buffer.concat([Buffer.of(label), ...planes]);
}

async function writePng(folder: string, name: string, pixels: Uint8Array): Promise<void> {
  await mkdir(folder, { recursive: true });
  const raw = { width: SIDE, height: SIDE, channels: 3 } as const;
  await sharp(pixels, { raw }).png().toFile(join(folder, name));
}

let runs = 0;

/** Trains, and returns what was measured, without times, and the checksums of the last model. */
async function run(config: TrainConfigInput) {
  const events: TrainEvent[] = [];
  const out = join(folder, `out ${++runs}`);
  const done = await train(
    { ...RUN, dataRoot: folder, out, ...config },
    { onEvent: (event) => void events.push(event) },
  );
  const losses = events.flatMap((event) => (event.type === 'step' ? [event.loss] : []));
  const evaluated = events.flatMap((event) => (event.type === 'evaluation' ? [event.top1] : []));
  const { tensors } = await readTensorFile(done.files.lastModel);
  const weights = tensors.map(({ name, storage }) => `${name} ${storage.crc32}`);
  return { done, events, measured: { losses, evaluated, weights } };
}

const OWN: TrainConfigInput = { data: [own], labels: 'folders', imageSize: 32, ...NORMALISATION };

test('the same pictures as CIFAR-10 and as a folder give the same run, bit for bit', async () => {
  const cifar = await run({ dataset: 'cifar10' });
  const folders = await run(OWN);
  assert.equal(cifar.measured.losses.length, TRAIN / 16);
  assert.deepEqual(folders.measured, cifar.measured);
});

test('a model knows its own input, and what measures it takes that', async () => {
  const { done } = await run({ data: [own], labels: 'folders', imageSize: 48, m: 16 });
  const { input, trainedOn, architecture, config } = await inspectFile(done.files.lastModel);
  assert.equal(config?.dataset, undefined);
  assert.deepEqual([input?.imageSize, input?.cropShare], [48, 48 / 56]);
  assert.equal(trainedOn?.pictures, TRAIN);
  assert.match(trainedOn?.fingerprint ?? '', /^[0-9a-f]{32}$/);
  assert.equal(architecture?.stem, 'cifar');
  const measure = (others: object) =>
    knn({
      ...{ modelPath: done.files.lastModel, data: [own], labels: 'folders', k: 5, ...others },
      ...{ device: 'cpu', threads: 1, temperature: [0.5], dataRoot: folder },
    });
  const measured = await measure({});
  assert.equal(measured.top1, done.best.top1);
  assert.deepEqual(measured.description.model.input, input);
  const error = await failure(measure({ imageSize: 64 }), 'ERR_MOCO_CONFIG');
  assert.match(error.message, /says otherwise:\n {2}imageSize: 64, in the file 48$/);
});

test('a page shows what a model takes for alike, with or without labels', async () => {
  const { done } = await run({ data: [own], imageSize: 32, m: 40 });
  for (const labels of ['none', 'folders']) {
    const page = join(folder, 'pages', `${labels}.html`);
    const { pictures } = await neighbours({
      ...{ modelPath: done.files.lastModel, data: [own], labels, dataRoot: folder, page },
      ...{ queries: 3, k: 4, device: 'cpu', threads: 1 },
    });
    assert.equal(pictures.length, 3);
    for (const { name, label, neighbours } of pictures) {
      assert.match(name, /^test\/class \d\/\d\d\.png$/);
      assert.equal(label, labels === 'none' ? undefined : name.split('/')[1]);
      const similarities = neighbours.map(({ similarity }) => similarity);
      assert.deepEqual(
        similarities,
        similarities.toSorted((a, b) => b - a),
      );
      assert.ok(neighbours.every((near) => near.name.startsWith('train/')));
    }
    const images = (await readFile(page, 'utf8')).match(/data:image\/png/g);
    assert.equal(images?.length, 3 * (1 + 4));
  }
});

test('a run goes on with the pictures that it began with, and no others', async () => {
  const config = { ...OWN, m: 48 };
  const { done } = await run(config);
  const others = join(folder, 'others');
  for (const split of ['train', 'test']) {
    for (let number = 0; number < TRAIN; number++) {
      const pixels = new Uint8Array(3 * SIDE * SIDE).fill(number);
      await writePng(join(others, split, 'one class'), `${number}.png`, pixels);
    }
  }
  const goOn = (data: string) =>
    train(
      { ...RUN, ...config, dataRoot: folder, out: join(folder, 'on'), epochs: 2, data: [data] },
      { resume: done.files.directory },
    );
  const error = await failure(goOn(others), 'ERR_MOCO_DATA');
  assert.match(error.message, /does not hold the pictures, labels and splits that the run of/);
  assert.equal((await goOn(own)).epochs, 2);
});

test('a run starts from the weights of another one', async () => {
  const { done } = await run({ dataset: 'cifar10', m: 24 });
  // With a learning rate of nearly nothing, a run ends with what it has started from.
  const still = { dataset: 'cifar10', learningRate: 1e-12 } as const;
  const started = await run({ ...still, m: 20, initWeights: done.files.lastModel });
  const warnings = started.events.flatMap((event) =>
    event.type === 'warning' ? [event.message] : [],
  );
  assert.match(warnings[0] ?? '', /^the run starts from ResNet-18 in .*: \d+ tensors were taken/);
  const [before, after] = await Promise.all(
    [done, started.done].map(({ files }) => firstConvolution(files.lastModel)),
  );
  assert.deepEqual(rounded(after), rounded(before));
  const random = await run({ ...still, m: 20 });
  assert.notDeepEqual(
    rounded(await firstConvolution(random.done.files.lastModel)),
    rounded(before),
  );
});

/** The weights of the first layer. */
async function firstConvolution(path: string): Promise<Float32Array> {
  const { tensors } = await readTensorFile(path);
  const found = tensors.find(({ name }) => name === 'f.0.weight');
  const { offset, bytes } = (found as StoredTensor).storage;
  const content = await readFile(path);
  return new Float32Array(Uint8Array.from(content.subarray(offset, offset + bytes)).buffer);
}

const rounded = (values: Float32Array = new Float32Array()) =>
  [...values].map((value) => value.toFixed(5));
