import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import { knnCommand } from '#moco/config/knnConfig.js';
import { parseConfig } from '#moco/config/resolve.js';
import { settledKeys } from '#moco/config/settledKeys.js';
import { trainCommand } from '#moco/config/trainConfig.js';
import { loadEncoder } from '#moco/embed/loadEncoder.js';
import type { LoadEncoderOptions } from '#moco/embed/loadEncoderOptions.js';
import { LoadedEncoder } from '#moco/embed/loadedEncoder.js';
import { readTensorFile } from '#moco/formats/readTensorFile.js';
import { loadAddon } from '#moco/native/load.js';
import { smallDataset } from '../support/smallPictures.js';
import { temporaryFolder } from '../support/temporaryFolder.js';

const SIDE = 8;
const INPUT = { imageSize: SIDE, mean: [0.4, 0.5, 0.6], std: [0.2, 0.3, 0.25] } as const;
const COMPUTE = { device: 'cpu', precision: 'fp32', threads: 1 } as const;

const dataset = smallDataset(29, 20);
const folder = temporaryFolder();
const path = join(folder, 'model.pth');

/** Makes a trainer, to train with or to have a model of. */
async function smallTrainer() {
  const recipe = { arch: 'resnet18', featureDim: 16, m: 12, k: 3, seed: 1 } as const;
  const settings = parseConfig(trainCommand, { ...recipe, ...COMPUTE, dataThreads: 1 });
  const config = { ...settings, ...settledKeys(settings, SIDE), batchSize: 8 };
  return await loadAddon().createTrainer(config, dataset);
}

before(async () => {
  const trainer = await smallTrainer();
  const snapshot = await trainer.snapshot();
  await snapshot.saveModel(path, '{}');
  await snapshot.dispose();
  await trainer.dispose();
});

async function encoder(options: LoadEncoderOptions = {}): Promise<LoadedEncoder> {
  const loaded = await loadEncoder(path, { ...INPUT, ...COMPUTE, ...options });
  assert.ok(loaded instanceof LoadedEncoder);
  return loaded;
}

const picture = (index: number) =>
  (dataset.train.pixels as Uint8Array).subarray(index * SIDE ** 2 * 3, (index + 1) * SIDE ** 2 * 3);

const raw = (index: number) =>
  ({ data: picture(index), width: SIDE, height: SIDE, channels: 3 }) as const;

test('the description says what was loaded, how it computes and what it holds', async () => {
  await using loaded = await encoder();
  const { description } = loaded;
  assert.deepEqual(description.dims, { features: 512, projection: 16 });
  assert.deepEqual(description.model, {
    ...{ path, arch: 'resnet18', width: 1, stem: 'cifar' },
    input: { ...INPUT, cropShare: 1 },
  });
  assert.equal(description.side, SIDE);
  assert.equal(description.precision, 'fp32');
  assert.equal(description.computeThreads, 1);
  assert.equal(description.computeThreadsReason, 'as the setting threads says');
  assert.ok(description.heldBytes >= 4 * description.parameters);
});

test('the features of pictures have the neighbours that an evaluator finds', async () => {
  await using loaded = await encoder();
  const rows = await loaded.embedPixels([dataset.train.pixels as Uint8Array], { normalize: true });
  const queries = await loaded.embedPixels([dataset.test.pixels as Uint8Array], {
    normalize: true,
  });
  const model = { path, tensors: (await readTensorFile(path)).tensors };
  const settings = { ...COMPUTE, arch: 'resnet18' } as const;
  const config = { ...parseConfig(knnCommand, settings), cudaGraph: false, imageSize: SIDE };
  const { mean, std } = INPUT;
  const evaluator = await loadAddon().createEvaluator(
    { ...config, dataThreads: 1, width: 1, stem: 'cifar' },
    { ...dataset, mean, std },
    model,
  );
  const { pictures, similarities } = await evaluator.nearest({ queries: [0, 7, 19], k: 1 });
  await evaluator.dispose();
  for (const [place, query] of [0, 7, 19].entries()) {
    const similarity = (row: number) =>
      queries.data
        .subarray(query * 512, (query + 1) * 512)
        .reduce((sum, value, at) => sum + value * (rows.data[row * 512 + at] as number), 0);
    const best = pictures[place] as number;
    assert.ok(Math.abs(similarity(best) - (similarities[place] as number)) < 1e-5);
    for (let row = 0; row < 29; row++) assert.ok(similarity(row) <= similarity(best) + 1e-6);
  }
});

test('many calls at once each get their own rows, from a few batches', async () => {
  await using loaded = await encoder({ batchInvariant: true });
  const { data } = await loaded.embedPixels([dataset.train.pixels as Uint8Array]);
  const before = loaded.statistics().batches;
  const calls = Array.from({ length: 200 }, (_, call) => loaded.embed([raw(call % 29), raw(3)]));
  for (const [call, { data: rows }] of (await Promise.all(calls)).entries()) {
    const start = (call % 29) * 512;
    assert.deepEqual(rows.subarray(0, 512), data.subarray(start, start + 512));
    assert.deepEqual(rows.subarray(512), data.subarray(3 * 512, 4 * 512));
  }
  const { batches, pictures, waiting } = loaded.statistics();
  assert.ok(batches - before < 20, `${batches - before} batches`);
  assert.equal(pictures, 29 + 400);
  assert.equal(waiting, 0);
});

test('projection, normalisation and fp16 are the addon’s', async () => {
  await using loaded = await encoder();
  const options = { output: 'projection', normalize: true } as const;
  const { dims, data } = await loaded.embed(raw(1), options);
  assert.deepEqual(dims, [1, 16]);
  assert.ok(Math.abs(data.reduce((sum, value) => sum + value * value, 0) - 1) < 1e-5);
  const half = await loaded.embed(raw(1), { ...options, dtype: 'fp16' });
  assert.ok(half.data instanceof Uint16Array);
  for (const [at, bits] of half.data.entries()) {
    assert.ok(
      Math.abs(halfOf(bits) - (data[at] as number)) <=
        2 ** -11 * Math.abs(data[at] as number) + 1e-7,
    );
  }
});

function halfOf(bits: number): number {
  const [sign, exponent, fraction] = [bits >> 15, (bits >> 10) & 31, bits & 1023];
  const size = exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15);
  return sign ? -size : size;
}

test('a file and options that contradict each other, or say too little, are refused', async () => {
  await assert.rejects(loadEncoder(path, COMPUTE), {
    code: 'ERR_MOCO_CONFIG',
    message: /does not say what it sees of a picture/,
    hint: /torchvision: imageSize: 224/,
  });
  await assert.rejects(encoder({ arch: 'resnet50' }), {
    code: 'ERR_MOCO_CHECKPOINT',
    hint: /--arch resnet18/,
  });
  await assert.rejects(encoder({ signal: AbortSignal.abort() }), { code: 'ERR_MOCO_ABORTED' });
  await assert.rejects(loadEncoder(join(folder, 'nowhere.pth')), { code: 'ERR_MOCO_CHECKPOINT' });
});

test('stopped in the middle of everything, an encoder goes on with the next call', async () => {
  await using loaded = await encoder();
  for (const moment of [0, 1, 5, 20]) {
    const controller = new AbortController();
    const pictures = Array.from({ length: 600 }, (_, at) => raw(at % 29));
    const call = loaded.embed(pictures, { signal: controller.signal });
    setTimeout(() => controller.abort(), moment);
    await assert.rejects(call, { code: 'ERR_MOCO_ABORTED' });
    assert.deepEqual((await loaded.embed(raw(1))).dims, [1, 512]);
  }
});

test('trainers and encoders work side by side, each with its own number of threads', async () => {
  const trainers = await Promise.all([smallTrainer(), smallTrainer()]);
  await using one = await encoder({ batchInvariant: true });
  await using two = await encoder({ batchInvariant: true, threads: 2 });
  assert.deepEqual([one.description.computeThreads, two.description.computeThreads], [1, 2]);
  const expected = await Promise.all([one.embed(raw(5)), two.embed(raw(5))]);
  const losses: number[][] = [[], []];
  const training = trainers.map((trainer, at) =>
    trainer.trainEpoch(1, 1, (rows) => losses[at]?.push(...rows)),
  );
  for (let round = 0; round < 10; round++) {
    const now = await Promise.all([one.embed(raw(5)), two.embed(raw(5))]);
    assert.deepEqual(now, expected);
  }
  await Promise.all(training);
  const withoutSeconds = (rows: number[]) => rows.filter((_, at) => ![5, 7].includes(at % 8));
  assert.deepEqual(withoutSeconds(losses[0] ?? []), withoutSeconds(losses[1] ?? []));
  for (const trainer of trainers) await trainer.dispose();
});

test('encoders in worker threads give the same rows, and end with their threads', async () => {
  await using here = await encoder({ batchInvariant: true });
  const { data } = await here.embed(raw(2));
  const code = `
    const { parentPort, workerData } = require('node:worker_threads');
    (async () => {
      const { loadEncoder } = await import(workerData.module);
      const encoder = await loadEncoder(workerData.path, workerData.options);
      parentPort.postMessage((await encoder.embed(workerData.picture)).data);
      await encoder.embed(Array(300).fill(workerData.picture)); // the thread is ended meanwhile
    })();
  `;
  const workerData = {
    module: new URL('../../../dist/embed/loadEncoder.js', import.meta.url).href,
    ...{ path, options: { ...INPUT, ...COMPUTE, batchInvariant: true }, picture: raw(2) },
  };
  const rows = await Promise.all(
    [1, 2].map(async () => {
      const worker = new Worker(code, { eval: true, workerData });
      const [message] = await once(worker);
      await worker.terminate();
      return message;
    }),
  );
  for (const row of rows) assert.deepEqual(row, data);
});

function once(worker: Worker): Promise<[Float32Array]> {
  return new Promise((resolve, reject) => {
    worker.once('message', (message: Float32Array) => resolve([message]));
    worker.once('error', reject);
  });
}

test('an encoder that is loaded and disposed of many times leaves no memory behind', async () => {
  const rounds = Number(process.env.MOCO_LOADS ?? 12);
  const warm = 4;
  let held = 0;
  for (let round = 0; round < rounds + warm; round++) {
    const loaded = await encoder();
    const running = loaded.embed(Array.from({ length: 40 }, (_, at) => raw(at % 29)));
    await Promise.all([loaded.dispose(), assert.rejects(running, { code: 'ERR_MOCO_DISPOSED' })]);
    if (round === warm) held = process.memoryUsage().rss;
  }
  const model = 100 * 2 ** 20;
  const grown = process.memoryUsage().rss - held;
  assert.ok(grown < model, `${grown} bytes more, after ${rounds} models of ${model} bytes`);
});

test('an encoder that nobody refers to is collected, with its memory', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const loadedBefore = async () => {
    const loaded = await encoder();
    await loaded.embed(raw(1));
    return new WeakRef(loaded);
  };
  const reference = await loadedBefore();
  const { inUse } = loadAddon().memory();
  for (let turn = 0; turn < 100 && reference.deref() !== undefined; turn++) {
    await nextTurn();
    collect();
  }
  assert.equal(reference.deref(), undefined);
  await nextTurn(); // its finaliser runs
  const freed = inUse - loadAddon().memory().inUse;
  assert.ok(freed > 40 * 2 ** 20, `${freed} bytes were freed`);
});
