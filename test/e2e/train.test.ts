import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, test } from 'node:test';
import {
  createTrainer,
  inspectFile,
  type TrainConfigInput,
  type TrainEvent,
  train,
} from 'moco-node';
import { loadDataset } from '#moco/data/load.js';
import { loadAddon } from '#moco/native/load.js';
import { Trainer } from '#moco/train/trainer.js';
import { collect } from '../support/collect.js';
import { runMoco } from '../support/moco.js';
import { temporaryFolder } from '../support/temporaryFolder.js';
import { TINY_RUN } from '../support/tinyRun.js';

/** What the files of TINY_RUN are called after. */
const NAME = '16_32_0.5_0.999_5_16_2';

const folder = temporaryFolder();
before(async () => {
  await writeFile(join(folder, 'tiny.json'), JSON.stringify(TINY_RUN));
});

const moco = (...words: string[]) => runMoco(folder, words);

/** The bytes of what a run leaves that must not depend on when and where it ran. */
async function results(out: string): Promise<Buffer[]> {
  const names = [`${NAME}_results.csv`, `${NAME}_model.pth`, join(NAME, 'last_model.pth')];
  return Promise.all(names.map((name) => readFile(join(folder, out, name))));
}

test('moco train trains from a file and leaves the run where it says', async () => {
  const { status, stdout, stderr } = moco('train', '--config', 'tiny.json', '--out', 'a/results');
  assert.deepEqual({ status, stderr }, { status: 0, stderr: '' });
  assert.match(stdout, /^data +shapes: 64 training and 32 test pictures, 10 classes$/m);
  assert.match(stdout, /^note: the queue starts with random vectors.* for the first 2 steps$/m);
  assert.match(stdout, /^epoch 2\/2 +loss \d+\.\d{4} .*kNN top-1 \d+\.\d\d %, top-5 \d+\.\d\d %/m);
  assert.match(stdout, new RegExp(`^model +a/results/${NAME}_model.pth$`, 'm'));

  const [csv, model] = await results('a/results');
  const lines = String(csv).trimEnd().split('\n');
  assert.equal(lines.shift(), 'epoch,train_loss,test_acc@1,test_acc@5');
  assert.deepEqual(
    lines.map((line) => line.split(',')[0]),
    ['1', '2'],
  );
  for (const line of lines) {
    const [, loss, top1, top5] = line.split(',').map(Number) as [number, number, number, number];
    assert.ok(loss > 0 && loss < 10, line);
    assert.ok(top1 >= 0 && top1 <= top5 && top5 <= 100, line);
  }
  assert.equal(model?.subarray(0, 2).toString(), 'PK');
  const directory = join(folder, 'a', 'results', NAME);
  assert.equal((await readdir(directory)).length, 7);
  const metrics = await readFile(join(directory, 'metrics.jsonl'), 'utf8');
  assert.equal(metrics.trimEnd().split('\n').length, 2 * (4 + 1));
  const written = join(directory, 'config.resolved.json');
  assert.equal(
    moco('train', '--config', written, '--print-config').stdout,
    await readFile(written, 'utf8'),
  );
});

test('the same seed gives the same run, bit for bit, with any number of data threads', async () => {
  for (const [out, dataThreads] of [
    ['one', 1],
    ['three', 3],
    ['again', 3],
  ] as const) {
    await train({ ...TINY_RUN, threads: 'auto', dataThreads, out: join(folder, out) });
  }
  const [one, three, again] = await Promise.all(['one', 'three', 'again'].map(results));
  assert.deepEqual(three, one);
  assert.deepEqual(again, one);
});

/** Runs that together use every part of a state, and every schedule. */
const RUNS: Record<string, TrainConfigInput> = {
  'of the reference': {},
  'with LARS, masks, accumulation and averaged statistics': {
    ...{ optimiser: 'lars', learningRate: 0.3, trustCoefficient: 0.02, schedule: 'cosine' },
    ...{ warmupEpochs: 0.5, momentumSchedule: 'cosine', accumulate: 2, batchNormGroups: 2 },
    ...{ loss: 'dclw', negatives: 'both', maskSame: true, keyStatistics: 'averaged' },
  },
  'with AdamW, a predictor, and small views that grow': {
    ...{ optimiser: 'adamw', schedule: 'one-cycle', predictorLayers: 2, predictorHiddenDim: 32 },
    ...{ loss: 'sce', momentumUpdate: 'before', keyStatistics: 'copied', growFrom: 0.5 },
    views: [
      { role: 'both', count: 2, blur: 0.5 },
      { role: 'student', count: 2, size: 16, solarise: 0.2 },
    ],
  },
  'with SGD and a shared encoder': {
    ...{ optimiser: 'sgd', learningRate: 0.1, nesterov: true, schedule: 'step', stepEpochs: [1] },
    ...{
      keyEncoder: 'shared',
      negatives: 'batch',
      loss: 'nnclr',
      headLayers: 3,
      headLastBatchNorm: 'affine',
    },
    views: [{ role: 'both', count: 2 }],
  },
};

for (const [what, options] of Object.entries(RUNS)) {
  test(`a run ${what} that goes on is the uninterrupted one, bit for bit, wherever it was stopped`, async () => {
    const run = { ...TINY_RUN, ...options };
    const inFolder = (name: string) => `${what}, ${name}`;
    await train({ ...run, out: join(folder, inFolder('uninterrupted')) });
    const expected = await results(inFolder('uninterrupted'));
    const moments = new Map<string, (event: TrainEvent) => boolean>([
      ['in an epoch', (event) => event.type === 'step' && event.epoch === 2 && event.step === 1],
      ['after an epoch', (event) => event.type === 'epoch' && event.epoch === 1],
    ]);
    for (const [name, stopAt] of moments) {
      const controller = new AbortController();
      const onEvent = (event: TrainEvent) => {
        if (stopAt(event)) controller.abort();
      };
      const config = { ...run, out: join(folder, inFolder(name)) };
      await assert.rejects(train(config, { signal: controller.signal, onEvent }), {
        code: 'ERR_MOCO_ABORTED',
      });
      await train({ ...config, dataThreads: 2 }, { resume: true });
      assert.deepEqual(await results(inFolder(name)), expected);
    }
  });
}

test('the command goes on with the configuration of the run, and refuses another', () => {
  const run = ['--out', 'resumed', '--epochs', '1'];
  assert.equal(moco('train', '--config', 'tiny.json', ...run).status, 0);
  const directory = join('resumed', '16_32_0.5_0.999_5_16_1');
  const other = moco('train', '--resume', directory, '--temperature', '0.1');
  assert.equal(other.status, 2);
  assert.match(other.stderr, /^ {2}temperature: 0\.1, in the checkpoint 0\.5$/m);
  const longer = moco('train', '--resume', directory, '--epochs', '2');
  assert.deepEqual([longer.status, longer.stderr], [0, '']);
  assert.match(
    longer.stdout,
    /^resumed resumed\/.*checkpoint\.safetensors: epoch 2, after step 0$/m,
  );
  assert.doesNotMatch(longer.stdout, /^epoch 1/m);
  const missing = moco('train', '--config', 'tiny.json', '--out', 'new', '--resume');
  assert.equal(missing.status, 1);
  assert.match(missing.stderr, /^error: \/\S+\/new\/\S+ is not there \[ERR_MOCO_CHECKPOINT\]$/m);
});

test('held-out training pictures are what a run is measured with', async () => {
  const events: TrainEvent[] = [];
  await train(
    { ...TINY_RUN, validation: 16, epochs: 1, out: join(folder, 'validation') },
    { onEvent: (event) => void events.push(event) },
  );
  const [start] = events;
  assert.deepEqual(start?.type === 'start' && start.description.dataset, {
    name: 'shapes',
    classes: 10,
    trainPictures: 48,
    testPictures: 32,
    validationPictures: 16,
    isLabelled: true,
    fingerprint: undefined,
  });
  const evaluation = events.find(({ type }) => type === 'evaluation');
  // With sixteen pictures, accuracies are multiples of a sixteenth.
  assert.ok(evaluation?.type === 'evaluation' && evaluation.top1 !== undefined);
  assert.ok(Number.isInteger(evaluation.top1 * 0.16));
});

test('another seed gives another run', async () => {
  await train({ ...TINY_RUN, seed: 1, out: join(folder, 'seed1') });
  const [csv] = await results('seed1');
  await train({ ...TINY_RUN, seed: 2, out: join(folder, 'seed2') });
  assert.notDeepEqual((await results('seed2'))[0], csv);
});

test('--json prints one object per event and nothing else', () => {
  const { status, stdout, stderr } = moco('train', '--config', 'tiny.json', '--out', 'j', '--json');
  assert.deepEqual({ status, stderr }, { status: 0, stderr: '' });
  const events: TrainEvent[] = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    events.map(({ type }) => type).filter((type) => type !== 'model' && type !== 'checkpoint'),
    [
      'start',
      ...Array(2).fill(['step', 'step', 'step', 'step', 'epoch', 'evaluation']).flat(),
      'done',
    ],
  );
  const fills = events.flatMap((event) => (event.type === 'step' ? [event.queueFill] : []));
  assert.deepEqual(fills, [0.5, 1, 1, 1, 1, 1, 1, 1]);
});

test('a run that is repeated moves the first one aside and says so', async () => {
  const words = ['train', '--config', 'tiny.json', '--out', 'twice', '--epochs', '1'];
  assert.equal(moco(...words).stderr, '');
  const { status, stderr } = moco(...words);
  assert.equal(status, 0);
  const moved = join(folder, 'twice', '16_32_0.5_0.999_5_16_1.previous.1');
  const notice = 'files of an earlier run with the same parameters were moved to';
  assert.equal(stderr, `warning: ${notice} ${moved}\n`);
  assert.equal((await readdir(moved)).length, 3);
});

test('Node goes on with its own work while a model trains', async () => {
  let ticks = 0;
  let ticksAtStart = 0;
  const clock = setInterval(() => ticks++, 1);
  try {
    await using trainer = await createTrainer({
      ...TINY_RUN,
      epochs: 1,
      out: join(folder, 'ticks'),
    });
    for await (const event of trainer.run()) {
      if (event.type === 'start') ticksAtStart = ticks;
      // A blocked event loop would let one timer through at most before the epoch is over.
      if (event.type === 'epoch') assert.ok(ticks - ticksAtStart > 10);
    }
  } finally {
    clearInterval(clock);
  }
});

test('a program can stop a run with a signal, and the results so far stay', async () => {
  const controller = new AbortController();
  const out = join(folder, 'stopped');
  const run = train(
    { ...TINY_RUN, epochs: 1000, out },
    {
      signal: controller.signal,
      onEvent: (event) => {
        if (event.type === 'step' && event.epoch === 2) controller.abort();
      },
    },
  );
  await assert.rejects(run, { name: 'MocoError', code: 'ERR_MOCO_ABORTED' });
  const names = await readdir(out);
  assert.deepEqual(
    names.sort(),
    ['', '_model.pth', '_results.csv'].map((end) => `16_32_0.5_0.999_5_16_1000${end}`),
  );
});

/** A trainer whose first step ruins the parameters: no configuration allows that learning rate. */
async function ruinousTrainer(out: string): Promise<Trainer> {
  await using sound = await createTrainer({ ...TINY_RUN, out: join(folder, out) });
  const { config, description } = sound;
  const dataset = await loadDataset({ ...config, dataset: 'shapes' });
  const native = await loadAddon().createTrainer({ ...config, learningRate: 1e30 }, dataset);
  return new Trainer({ config, description, native, notices: [], checkpoint: undefined });
}

test('a loss that is not finite ends the run at its step and leaves the last good model', async () => {
  await using trainer = await ruinousTrainer('ruined');
  const { lastModel, model, results } = trainer.description.files;
  const { error } = await collect(trainer.run());
  assert.equal(error?.code, 'ERR_MOCO_NON_FINITE');
  assert.match(error?.message ?? '', /epoch 1, step [234]\b/);
  const { epoch, step, checksums } = await inspectFile(lastModel);
  assert.deepEqual([epoch, step], [0, undefined]);
  assert.equal(checksums.verified, checksums.tensors);
  for (const path of [model, results]) await assert.rejects(readFile(path), { code: 'ENOENT' });
});

test('a second command with the same parameters and folder is refused', async () => {
  await using trainer = await createTrainer({ ...TINY_RUN, out: join(folder, 'shared') });
  for await (const { type } of trainer.run()) {
    if (type !== 'start') continue;
    const { status, stderr } = moco('train', '--config', 'tiny.json', '--out', 'shared');
    assert.equal(status, 1);
    assert.match(
      stderr,
      /^error: cannot write \/\S+\/shared\/\S+: process \d+ on .*\nhint: Wait until that run/m,
    );
  }
  assert.equal((await results('shared')).length, 3);
});

test('a GPU that is not there is refused with the reason', async (context) => {
  if (loadAddon().hardware().cudaUnavailable === '') return context.skip('there is a GPU');
  const { status, stdout, stderr } = moco('train', '--config', 'tiny.json', '--device', 'cuda');
  assert.deepEqual({ status, stdout }, { status: 1, stdout: '' });
  assert.match(stderr, /^error: device "cuda" cannot be used: .+\nhint: Choose --device cpu/);
  assert.ok(!(await readdir(folder)).includes('results'));
});
