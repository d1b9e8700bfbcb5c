import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, test } from 'node:test';
import {
  convertModel,
  type DoneEvent,
  inspectFile,
  type KnnResult,
  knn,
  type LinearDoneEvent,
  type LinearEvent,
  type LinearSweepEvent,
  linear,
  train,
} from 'moco-node';
import { readTensorFile } from '#moco/formats/readTensorFile.js';
import type { Layout } from '#moco/model/backboneLayout.js';
import { failure } from '../support/failure.js';
import { renamed, torchvisionName } from '../support/familyNames.js';
import { executable } from '../support/moco.js';
import { backboneOf, encoderLayout } from '../support/resnetLayout.js';
import { writeZeros } from '../support/safetensorsFile.js';
import { temporaryFolder } from '../support/temporaryFolder.js';

const TINY = {
  dataset: 'shapes',
  trainLimit: 64,
  testLimit: 32,
  arch: 'resnet18',
  device: 'cpu',
  precision: 'fp32',
  threads: 1, // on a busy machine, several compute threads mostly wait for each other
} as const;
const LINEAR = { ...TINY, batchSize: 24, epochs: 2 } as const;

const folder = temporaryFolder();
let trained: DoneEvent;
before(async () => {
  const training = { featureDim: 16, m: 32, k: 5, batchSize: 16, epochs: 1 };
  trained = await train({ ...TINY, ...training, out: join(folder, 'trained') });
});

/** The arguments of a command that measures the trained model. */
function argv(command: string, ...words: string[]): string[] {
  const settings = Object.entries({ ...TINY, modelPath: trained.files.model });
  const flags = settings.flatMap(([key, value]) => ['--set', `${key}=${value}`]);
  return [executable, command, ...flags, ...words];
}

function moco(command: string, ...words: string[]) {
  const options = { cwd: folder, encoding: 'utf8' } as const;
  const child = spawnSync(process.execPath, argv(command, ...words), options);
  const { status, stdout, stderr } = child;
  return { status, stdout, stderr };
}

const evaluateLinear = (changes: object) =>
  linear({ ...LINEAR, modelPath: trained.files.model, ...changes });

test('knn and linear of a model with NaN among its weights name the tensor, and no learning rate', async () => {
  const modelPath = join(folder, 'diverged.safetensors');
  await writeZeros(modelPath, encoderLayout('resnet18'));
  const { tensors } = await readTensorFile(modelPath);
  const [{ name, storage }] = tensors as [(typeof tensors)[0]];
  await using file = await open(modelPath, 'r+');
  await file.write(Buffer.from(new Float32Array([Number.NaN]).buffer), 0, 4, storage.offset);
  const measures = [
    () => knn({ ...TINY, modelPath, k: 5 }),
    () => linear({ ...LINEAR, modelPath }),
  ];
  for (const measure of measures) {
    const error = await failure(measure(), 'ERR_MOCO_NON_FINITE');
    assert.match(error.message, /has values that are NaN or infinite: 1 in "[^"]+"$/);
    assert.ok(error.message.includes(`"${name}"`));
    assert.doesNotMatch(`${error.hint}`, /learning rate/);
  }
});

test('knn of a model file is what was measured during the training', () => {
  const { status, stdout, stderr } = moco('knn', '--k', '5', '--json');
  assert.deepEqual({ status, stderr }, { status: 0, stderr: '' });
  assert.equal(stdout.trimEnd().split('\n').length, 1);
  const result: KnnResult = JSON.parse(stdout);
  const { top1, top5 } = trained.best;
  assert.deepEqual([result.top1, result.top5, result.temperature], [top1, top5, 0.5]);
  assert.deepEqual(
    result.results.map(({ temperature }) => temperature),
    [0.5, 0.1],
  );
});

test("a model that was converted to torchvision's names is measured alike", async () => {
  const modelPath = join(folder, 'torchvision.safetensors');
  await convertModel(trained.files.model, modelPath, { names: 'torchvision' });
  const { top1, results } = await knn({ ...TINY, modelPath, k: 5 });
  assert.equal(top1, trained.best.top1);
  const { results: expected } = await knn({ ...TINY, modelPath: trained.files.model, k: 5 });
  assert.deepEqual(results, expected);
});

test('of several encoders the one under the prefix is measured, and what no tensor shows is told', async () => {
  const modelPath = join(folder, 'student_and_teacher.safetensors');
  const backbone = backboneOf(encoderLayout('resnet18'));
  const [student, teacher] = ['student.', 'teacher.'].map((prefix) =>
    renamed(backbone, prefix, torchvisionName),
  ) as [Layout, Layout];
  await writeZeros(modelPath, [...student, ...teacher]);
  const said = await failure(inspectFile(modelPath), 'ERR_MOCO_CHECKPOINT');
  const once = { epochs: 1, frozenBn: true, out: join(folder, 'prefix') };
  for (const measure of [
    () => knn({ ...TINY, modelPath, k: 5 }),
    () => linear({ ...LINEAR, ...once, modelPath }),
  ]) {
    const { message, hint } = await failure(measure());
    assert.deepEqual([message, hint], [said.message, said.hint]);
  }

  const prefix = 'teacher';
  const warnings: string[] = [];
  const onEvent = (event: { type: string; message?: string }) => {
    if (event.type === 'warning') warnings.push(`${event.message}`);
  };
  await knn({ ...TINY, modelPath, prefix, k: 5 }, { onEvent });
  await linear({ ...LINEAR, ...once, modelPath, prefix }, { onEvent });
  const { notes } = await inspectFile(modelPath, { prefix });
  assert.deepEqual(warnings, [...notes, ...notes]);
  assert.equal(notes.length, 1);
});

test('the confusion matrix counts every test picture, and its diagonal the right ones', async () => {
  const result = await knn({ ...TINY, modelPath: trained.files.model, k: 5 });
  for (const { confusion = [], perClass, top1 } of result.results) {
    assert.equal(
      confusion.flat().reduce((sum, count) => sum + count, 0),
      32,
    );
    const right = confusion.reduce((sum, row, label) => sum + (row[label] as number), 0);
    assert.equal((100 * right) / 32, top1);
    assert.deepEqual(
      perClass.map(({ pictures }) => pictures),
      [4, 4, 3, 3, 3, 3, 3, 3, 3, 3],
    );
  }
});

test('knn prints both conventions and every class', () => {
  const { status, stdout, stderr } = moco('knn', '--k', '5');
  assert.deepEqual({ status, stderr }, { status: 0, stderr: '' });
  assert.match(stdout, /^data +shapes: 64 training and 32 test pictures, 10 classes$/m);
  assert.match(stdout, /^0\.5 +\d+\.\d\d % +\d+\.\d\d % +the reference's/m);
  assert.match(stdout, /^0\.1 +\d+\.\d\d % +\d+\.\d\d % +official MoCo's/m);
  assert.match(stdout, /^spoked ring +3 +\d+\.\d\d %$/m);
});

test('a model of another architecture is refused with what to pass instead', () => {
  for (const [command, ...words] of [['knn', '--k', '5'], ['linear']] as const) {
    const { status, stdout, stderr } = moco(command, ...words, '--arch', 'resnet50');
    assert.deepEqual({ status, stdout }, { status: 1, stdout: '' });
    assert.match(stderr, /^error: .*\[ERR_MOCO_CHECKPOINT\]$/m);
    assert.match(stderr, /--arch resnet18/);
  }
});

test('linear trains a classifier and leaves the files that it names', async () => {
  const words = ['--batch-size', '24', '--epochs', '2', '--out', 'linear'];
  const { status, stdout, stderr } = moco('linear', ...words);
  assert.deepEqual({ status, stderr }, { status: 0, stderr: '' });
  assert.match(stdout, /BatchNorm: each batch's statistics, and the model's move/);
  assert.match(stdout, /the best epoch is chosen on the test pictures, as in the reference/);
  assert.match(stdout, /^run +2 epochs of 3 steps with 24 pictures$/m);
  assert.match(stdout, /^epoch 2\/2 +loss \d+\.\d{4} .*test top-1 \d+\.\d\d %, top-5 \d+\.\d\d %/m);
  assert.deepEqual((await readdir(join(folder, 'linear'))).sort(), [
    'linear_last_model.pth',
    'linear_model.pth',
    'linear_statistics.csv',
  ]);
  const csv = await readFile(join(folder, 'linear', 'linear_statistics.csv'), 'utf8');
  const [header, ...lines] = csv.trimEnd().split('\n');
  assert.equal(header, 'epoch,train_loss,train_acc@1,train_acc@5,test_loss,test_acc@1,test_acc@5');
  assert.equal(lines.length, 2);
  for (const line of lines) {
    const [, ...numbers] = line.split(',').map(Number);
    assert.ok(
      numbers.every((number) => number >= 0 && number <= 100),
      line,
    );
  }
});

test('the same seed gives the same linear evaluation, with any number of data threads', async () => {
  const files: Buffer[][] = [];
  for (const [out, dataThreads] of [
    ['one', 1],
    ['three', 3],
  ] as const) {
    const done = await evaluateLinear({ dataThreads, out: join(folder, out) });
    const { statistics, model, lastModel } = (done as LinearDoneEvent).files;
    files.push(await Promise.all([statistics, model, lastModel].map((path) => readFile(path))));
  }
  assert.deepEqual(files[1], files[0]);
});

/** kNN of the backbone that a linear evaluation leaves, and of the one that it was given. */
async function backboneMoves(frozenBn: boolean): Promise<boolean> {
  const out = join(folder, `frozen-${frozenBn}`);
  const done = (await evaluateLinear({ frozenBn, out, epochs: 1 })) as LinearDoneEvent;
  const measure = (modelPath: string) => knn({ ...TINY, modelPath, k: 5, temperature: [0.5] });
  const [before, after] = [await measure(trained.files.model), await measure(done.files.lastModel)];
  return JSON.stringify(after.confusion) !== JSON.stringify(before.confusion);
}

test('--frozen-bn leaves the backbone as it is; otherwise its statistics move', async () => {
  assert.equal(await backboneMoves(true), false);
  assert.equal(await backboneMoves(false), true);
});

test('with validation, pictures are held out and the best epoch is chosen on them', async () => {
  const events: LinearEvent[] = [];
  const out = join(folder, 'validation');
  const config = { ...LINEAR, modelPath: trained.files.model, validation: 16, out };
  const done = await linear(config, { onEvent: (event) => void events.push(event) });
  assert.equal((done as LinearDoneEvent).chosenBy, 'validation');
  const [start] = events;
  assert.ok(start?.type === 'start');
  assert.equal(start.description.dataset.trainPictures, 48);
  const steps = events.filter(({ type }) => type === 'step');
  assert.equal(steps.length, 2 * 2);
});

test('--cached tries every learning rate and says that this is for monitoring', async () => {
  const words = ['--cached', '--epochs', '5', '--learning-rates', '0.001,0.1', '--out', 'cached'];
  const { status, stdout, stderr } = moco('linear', ...words);
  assert.deepEqual({ status, stderr }, { status: 0, stderr: '' });
  assert.match(stdout, /^data +shapes: 57 training, 7 validation and 32 test pictures/m);
  assert.match(stdout, /^0\.001( +\d+\.\d\d %){3}$/m);
  assert.match(stdout, /^not the reference's protocol: for monitoring$/m);
  assert.deepEqual(await readdir(join(folder, 'cached')), ['linear_cached.csv']);
});

test('probes on cached features learn the training pictures', async () => {
  const changes = { cached: true, epochs: 100, learningRates: [1e-9, 1e-3] };
  const sweep = await evaluateLinear({ ...changes, out: join(folder, 'learns') });
  const [idle, learning] = (sweep as LinearSweepEvent).probes;
  assert.ok((learning?.train.loss as number) < 0.5 * (idle?.train.loss as number));
});

test('a program can stop a linear evaluation, and its statistics so far stay', async () => {
  const controller = new AbortController();
  const out = join(folder, 'stopped');
  const config = { ...LINEAR, modelPath: trained.files.model, epochs: 1000, out };
  const running = linear(config, {
    signal: controller.signal,
    onEvent: (event) => {
      if (event.type === 'step' && event.epoch === 2) controller.abort();
    },
  });
  await assert.rejects(running, { name: 'MocoError', code: 'ERR_MOCO_ABORTED' });
  const csv = await readFile(join(out, 'linear_statistics.csv'), 'utf8');
  assert.equal(csv.trimEnd().split('\n').length, 2);
});

test('Ctrl-C ends linear after its step, with 130', async () => {
  const words = argv('linear', '--epochs', '100000', '--out', 'interrupted', '--json');
  const child = spawn(process.execPath, words, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(child, 'exit');
  let [stdout, stderr] = ['', ''];
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text;
    if (!stdout.includes('"step"') || child.killed) return;
    child.kill('SIGINT');
  });
  assert.deepEqual(await ended, [130, null]);
  assert.equal(stderr, '\nstopping (Ctrl-C again ends at once)\nthe evaluation was stopped\n');
});
