import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { knnCommand } from '#moco/config/knnConfig.js';
import {
  type LinearConfig,
  type LinearConfigInput,
  linearCommand,
} from '#moco/config/linearConfig.js';
import { parseConfig } from '#moco/config/resolve.js';
import { settledKeys } from '#moco/config/settledKeys.js';
import { trainCommand } from '#moco/config/trainConfig.js';
import { readTensorFile } from '#moco/formats/readTensorFile.js';
import { ARCHS, backboneLayout, type Stem } from '#moco/model/backboneLayout.js';
import { encoderShape } from '#moco/model/encoderShape.js';
import { headLayout, headOf, REFERENCE_HEAD } from '#moco/model/headLayout.js';
import { LINEAR_STEP_COLUMNS, type NativeEvaluator } from '#moco/native/evaluator.js';
import type { NativeDataset, NativeTensorSource } from '#moco/native/input.js';
import { loadAddon } from '#moco/native/load.js';
import { smallDataset, smallPictures } from '../support/smallPictures.js';

const STEMS: readonly Stem[] = ['cifar', 'cifar-pool', 'imagenet'];

const COMPUTE = { device: 'cpu', precision: 'fp32', threads: 1, dataThreads: 1 } as const;

const dataset = smallDataset(29, 20);

function linearConfig(changes: LinearConfigInput = {}): LinearConfig {
  const recipe = { arch: 'resnet18', batchSize: 8, learningRate: 1e-2, seed: 1 } as const;
  return parseConfig(linearCommand, { ...recipe, ...COMPUTE, ...changes });
}

const knnConfig = (k: number, temperature: number[]) => parseConfig(knnCommand, { k, temperature });

let folder: string;
let model: NativeTensorSource;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'moco-evaluator-'));
  model = await untrainedModel(join(folder, 'model.pth'));
});

after(() => rmSync(folder, { recursive: true }));

/** A model file as a trainer writes it, head included. */
async function untrainedModel(path: string): Promise<NativeTensorSource> {
  const recipe = { arch: 'resnet18', featureDim: 16, m: 12, k: 3, seed: 1 } as const;
  const settings = parseConfig(trainCommand, { ...recipe, ...COMPUTE });
  const config = { ...settings, ...settledKeys(settings, 8), batchSize: 8 };
  const trainer = await loadAddon().createTrainer(config, dataset);
  const snapshot = await trainer.snapshot();
  await trainer.dispose();
  await snapshot.saveModel(path, '{}');
  await snapshot.dispose();
  const { tensors } = await readTensorFile(path);
  return { path, tensors };
}

function evaluator(
  changes: Partial<NativeDataset> = {},
  config: LinearConfig = linearConfig(),
): Promise<NativeEvaluator> {
  const stem = config.stem === 'auto' ? 'cifar' : config.stem;
  const settings = { ...config, cudaGraph: false, imageSize: 8, width: 1, stem };
  return loadAddon().createEvaluator(settings, { ...dataset, ...changes }, model);
}

test('kNN counts every test picture in each confusion matrix', async () => {
  const native = await evaluator();
  const results = await native.knn(knnConfig(3, [0.5, 0.1]));
  assert.deepEqual(
    results.map(({ temperature }) => temperature),
    [0.5, 0.1],
  );
  for (const { top1, top5, pictures, right, confusion = new Float64Array() } of results) {
    assert.equal(confusion.length, 100);
    assert.equal(sum(confusion), 20);
    const correct = confusion.filter((_, cell) => cell % 11 === 0);
    assert.deepEqual(right, correct);
    assert.equal(sum(pictures), 20);
    assert.equal(top1, (100 * sum(correct)) / 20);
    assert.ok(top1 <= top5);
  }
  await native.dispose();
});

test('a linear evaluation reports every step, measures, and saves a model for the reference', async () => {
  const native = await evaluator({ validation: smallPictures(10) });
  await native.startLinear(linearConfig());
  const rows: number[] = [];
  const train = await native.trainLinearEpoch(1, (more) => rows.push(...more));
  const column = (index: number) => rows.filter((_, at) => at % LINEAR_STEP_COLUMNS === index);
  assert.deepEqual(column(0), [1, 2, 3, 4]);
  assert.deepEqual(column(2), [8, 8, 8, 5]);
  assert.ok(column(1).every((loss) => loss > 0));
  for (const metrics of [
    train,
    await native.measureLinear('test'),
    await native.measureLinear('validation'),
  ]) {
    assert.ok(metrics.loss > 0 && metrics.top1 <= metrics.top5 && metrics.top5 <= 100);
  }

  const path = join(folder, 'linear_model.pth');
  await native.saveLinear(path, '{}');
  const saved = await readTensorFile(path);
  const names = saved.tensors.map(({ name }) => name);
  const backbone = loadAddon()
    .encoderLayout(shapeOf('resnet18', 'cifar'))
    .map(({ name }) => name)
    .filter((name) => name.startsWith('f.'));
  assert.deepEqual(names, [...backbone, 'fc.weight', 'fc.bias']);
  assert.ok(statSync(path).size > 4 * native.description.parameters);
  await native.dispose();
});

test('a sweep has a result for each learning rate, and a validation only where there is one', async () => {
  const sweep = linearConfig({ learningRates: [1e-3, 1e-2], epochs: 2, weightDecay: 0 });
  const native = await evaluator();
  const [first, second] = await native.sweepLinear(sweep);
  assert.deepEqual([first?.learningRate, second?.learningRate], [1e-3, 1e-2]);
  assert.equal(first?.validation, undefined);
  assert.notEqual(first?.test.loss, second?.test.loss);
  await native.dispose();

  const held = await evaluator({ validation: smallPictures(10) });
  const [result] = await held.sweepLinear(sweep);
  assert.ok(result?.validation && result.validation.loss > 0);
  await held.dispose();
});

test('a stopped evaluation rejects, and the next one runs', async () => {
  const native = await evaluator();
  const stopped = native.knn(knnConfig(3, [0.1]));
  native.stop();
  await assert.rejects(stopped, { code: 'ERR_MOCO_ABORTED' });
  await native.knn(knnConfig(3, [0.1]));
  await native.dispose();
  await assert.rejects(native.sweepLinear(linearConfig({ learningRates: [1], epochs: 1 })), {
    code: 'ERR_MOCO_DISPOSED',
  });
});

test('what cannot be evaluated is refused with a code and a hint', async () => {
  await assert.rejects(evaluator({}, linearConfig({ stem: 'imagenet' })), {
    code: 'ERR_MOCO_CHECKPOINT',
    message: /f\.0\.weight/,
  });
  await assert.rejects(evaluator({ classes: dataset.classes.slice(0, 5) }), {
    code: 'ERR_MOCO_DATA',
  });
  const native = await evaluator();
  await assert.rejects(native.knn(knnConfig(30, [0.1])), {
    code: 'ERR_MOCO_CONFIG',
    message: /k: 30/,
  });
  await native.dispose();
});

test('settings of the wrong type are refused at once', async () => {
  const wrong = { ...linearConfig(), stem: 1 } as unknown as LinearConfig;
  assert.throws(() => evaluator({}, wrong), /stem must be a string/);
  const native = await evaluator();
  const temperature = 0.1 as unknown as number[];
  const one = { ...knnConfig(3, [0.1]), temperature };
  assert.throws(() => native.knn(one), /temperature must be an array of numbers/);
  const unsettled = { ...linearConfig(), frozenBn: undefined } as unknown as LinearConfig;
  assert.throws(() => native.startLinear(unsettled), /frozenBn must be true or false/);
  await native.dispose();
});

test('an encoder layout has the names and shapes of its state dict', () => {
  const layout = loadAddon().encoderLayout(shapeOf('resnet50', 'imagenet'));
  assert.deepEqual(layout[0], { name: 'f.0.weight', shape: [64, 3, 7, 7] });
  assert.deepEqual(layout.at(-1), { name: 'g.3.bias', shape: [128] });
  assert.deepEqual(layout.find(({ name }) => name === 'f.1.num_batches_tracked')?.shape, []);
  assert.throws(() => loadAddon().encoderLayout(shapeOf('vgg', 'cifar')), {
    code: 'ERR_MOCO_CONFIG',
    message: /"vgg"/,
  });
});

for (const arch of ARCHS) {
  for (const stem of STEMS) {
    test(`a file's ${arch} with the ${stem} stem is compared with what the addon builds`, () => {
      for (const width of [0.25, 1, 1.5]) {
        const kind = { arch, stem, width };
        assert.deepEqual(
          loadAddon().encoderLayout(encoderShape(kind)),
          backboneLayout(arch, stem, width),
        );
      }
    });
  }
}

for (const layers of [1, 2, 3]) {
  for (const batchNorm of [true, false]) {
    for (const lastBatchNorm of ['none', 'affine', 'plain'] as const) {
      const head = { layers, hiddenDim: 48, batchNorm, lastBatchNorm };
      test(`a file's head is compared with what the addon builds: ${JSON.stringify(head)}`, () => {
        const kind = { arch: 'resnet18', stem: 'cifar', width: 0.5, featureDim: 24, head } as const;
        const built = loadAddon().encoderLayout(encoderShape(kind));
        const own = built.filter(({ name }) => name.startsWith('g.'));
        assert.deepEqual(own, headLayout(256, 24, head));
        const known = layers > 1 ? head : { ...head, hiddenDim: 512, batchNorm: true };
        assert.deepEqual(headOf(own), { featureDim: 24, head: known });
      });
    }
  }
}

/** An encoder with the reference's head. */
function shapeOf(arch: string, stem: Stem) {
  return encoderShape({ arch, stem, width: 1, featureDim: 128, head: REFERENCE_HEAD });
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0);
}
