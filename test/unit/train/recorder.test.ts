import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseConfig } from '#moco/config/resolve.js';
import { trainCommand } from '#moco/config/trainConfig.js';
import { requireRunSpace, requireWritable } from '#moco/run/outputFolder.js';
import { movePreviousRun } from '#moco/run/previousRun.js';
import { runFiles } from '#moco/train/runFiles.js';
import { collect } from '../../support/collect.js';
import { runWithSmallDisk } from '../../support/smallDisk.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';
import {
  MEASURED,
  NativeTrainerDouble,
  trainConfig,
  trainerOn,
} from '../../support/trainerDouble.js';

const NAME = '128_48_0.5_0.999_5_16_3';

test("a run's files carry the reference's names, with Python's spelling of floats", () => {
  const names = (config: object) => runFiles(trainConfig({ out: 'r', ...config })).results;
  assert.equal(names({}), join('r', '128_4096_0.5_0.999_200_256_500_results.csv'));
  assert.equal(
    names({ temperature: 1, momentum: 0.00001 }),
    join('r', '128_4096_1.0_1e-05_200_256_500_results.csv'),
  );
});

test('a run makes its folders and writes its files, and nothing else', async (context) => {
  const out = join(temporaryFolder(context), 'deep', 'results');
  const native = new NativeTrainerDouble({ top1: [12.5, 40, 30] });
  const trainer = trainerOn(native, { out });
  await collect(trainer.run());
  assert.deepEqual((await readdir(out)).sort(), [NAME, `${NAME}_model.pth`, `${NAME}_results.csv`]);
  const files = (await readdir(join(out, NAME))).sort();
  assert.match(files[4] as string, /^events\.out\.tfevents\.\d{10}\../);
  assert.deepEqual(files.toSpliced(4, 1), [
    'checkpoint.previous.safetensors',
    'checkpoint.safetensors',
    'config.resolved.json',
    'environment.json',
    'last_model.pth',
    'metrics.jsonl',
  ]);
  assert.equal(
    await readFile(join(out, `${NAME}_results.csv`), 'utf8'),
    'epoch,train_loss,test_acc@1,test_acc@5\n1,1.3125,12.5,90.0\n2,2.3125,40.0,90.0\n3,3.3125,30.0,90.0\n',
  );
});

test('the results file has a line for every evaluated epoch', async (context) => {
  const out = temporaryFolder(context);
  await collect(trainerOn(new NativeTrainerDouble(), { out, evalEvery: 2 }).run());
  assert.equal(
    await readFile(join(out, `${NAME}_results.csv`), 'utf8'),
    'epoch,train_loss,test_acc@1,test_acc@5\n2,2.3125,20.0,90.0\n3,3.3125,30.0,90.0\n',
  );
});

test('the results file is whole after every epoch', async (context) => {
  const out = temporaryFolder(context);
  const trainer = trainerOn(new NativeTrainerDouble(), { out });
  const lines: number[] = [];
  for await (const event of trainer.run()) {
    if (event.type !== 'evaluation') continue;
    const csv = await readFile(trainer.description.files.results, 'utf8');
    lines.push(csv.trimEnd().split('\n').length);
  }
  assert.deepEqual(lines, [2, 3, 4]);
});

test('the configuration that was written gives the same run', async (context) => {
  const out = temporaryFolder(context);
  const trainer = trainerOn(new NativeTrainerDouble(), { out, seed: 7 });
  await collect(trainer.run());
  const written = await readFile(join(out, NAME, 'config.resolved.json'), 'utf8');
  assert.deepEqual(parseConfig(trainCommand, JSON.parse(written)), trainer.config);
});

test('the environment says with what and where the run was made', async (context) => {
  const out = temporaryFolder(context);
  await collect(trainerOn(new NativeTrainerDouble(), { out }).run());
  const written = JSON.parse(await readFile(join(out, NAME, 'environment.json'), 'utf8'));
  const { moco, libtorch, node, device, precision, dataset } = written;
  assert.deepEqual(
    { moco, libtorch, node, device, precision, dataset },
    {
      moco: '0.0.0',
      libtorch: '2.13.0',
      node: process.version,
      device: 'cpu',
      precision: 'fp32',
      dataset: {
        name: 'shapes',
        classes: 10,
        trainPictures: 64,
        testPictures: 16,
        validationPictures: 0,
        isLabelled: true,
      },
    },
  );
  assert.ok(Math.abs(Date.parse(written.startedAt) - Date.now()) < 60_000);
});

test('metrics hold one line per step and per evaluation', async (context) => {
  const out = temporaryFolder(context);
  await collect(trainerOn(new NativeTrainerDouble(), { out }).run());
  const text = await readFile(join(out, NAME, 'metrics.jsonl'), 'utf8');
  const lines = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  const epoch = ['step', 'step', 'step', 'step', 'evaluation'];
  assert.deepEqual(
    lines.map(({ type }) => type),
    [...epoch, ...epoch, ...epoch],
  );
  const { time, ...second } = lines[6];
  assert.deepEqual(second, {
    type: 'step',
    epoch: 2,
    step: 2,
    loss: 2.25,
    contrastiveAccuracy: 0.5,
    gradientNorm: 2,
    learningRate: 1e-3,
    picturesPerSecond: 32,
    queueFill: 2 / 3,
    seconds: 0.5,
  });
  assert.ok(Math.abs(time - Date.now() / 1000) < 60);
  const { time: _, seconds, ...evaluation } = lines[9];
  assert.deepEqual(evaluation, { type: 'evaluation', epoch: 2, top1: 20, top5: 90, ...MEASURED });
  assert.ok(seconds >= 0);
});

test('without labels, metrics and results hold what is told without them', async (context) => {
  const out = temporaryFolder(context);
  const native = new NativeTrainerDouble({ isUnlabelled: true });
  await collect(trainerOn(native, { out, epochs: 1 }).run());
  const name = NAME.replace(/3$/, '1');
  const metrics = await readFile(join(out, name, 'metrics.jsonl'), 'utf8');
  const { time, seconds, ...evaluation } = JSON.parse(metrics.trimEnd().split('\n').at(-1) ?? '');
  assert.deepEqual(evaluation, { type: 'evaluation', epoch: 1, ...MEASURED });
  assert.equal(
    await readFile(join(out, `${name}_results.csv`), 'utf8'),
    `epoch,train_loss,alignment,uniformity,effective_rank,dimension_spread,own_key_rank,own_key_median_rank,own_key_first,neighbour_agreement
1,1.3125,0.5,-3.0,100.5,0.875,0.0625,0.03125,0.5,0.25
`,
  );
});

test('what an earlier run with the same parameters left is moved aside, never overwritten', async (context) => {
  const out = temporaryFolder(context);
  const marks: string[] = [];
  for (const round of [1, 2, 3]) {
    const trainer = trainerOn(new NativeTrainerDouble(), { out });
    const { events } = await collect(trainer.run());
    marks.push(...events.flatMap((event) => (event.type === 'warning' ? [event.message] : [])));
    await writeFile(join(out, NAME, 'mark'), String(round));
  }
  const moved = (number: number) => join(out, `${NAME}.previous.${number}`);
  assert.deepEqual(
    marks,
    [1, 2].map((n) => `files of an earlier run with the same parameters were moved to ${moved(n)}`),
  );
  for (const number of [1, 2]) {
    assert.deepEqual((await readdir(moved(number))).sort(), [
      NAME,
      `${NAME}_model.pth`,
      `${NAME}_results.csv`,
    ]);
    assert.equal(await readFile(join(moved(number), NAME, 'mark'), 'utf8'), String(number));
  }
});

test("the reference's own results are moved aside, too", async (context) => {
  const out = temporaryFolder(context);
  await writeFile(join(out, `${NAME}_results.csv`), 'theirs');
  await collect(trainerOn(new NativeTrainerDouble(), { out }).run());
  const moved = join(out, `${NAME}.previous.1`, `${NAME}_results.csv`);
  assert.equal(await readFile(moved, 'utf8'), 'theirs');
});

test('runs with other parameters are left where they are', async (context) => {
  const out = temporaryFolder(context);
  await collect(trainerOn(new NativeTrainerDouble(), { out }).run());
  const { events } = await collect(trainerOn(new NativeTrainerDouble(), { out, k: 4 }).run());
  assert.ok(events.every(({ type }) => type !== 'warning'));
});

test('an output folder is tried out without leaving anything, wherever it will be', async (context) => {
  const folder = temporaryFolder(context);
  await requireWritable(folder);
  await requireWritable(join(folder, 'not', 'yet', 'there'));
  assert.deepEqual(await readdir(folder), []);
});

test('an output folder below a file cannot be', async (context) => {
  const folder = temporaryFolder(context);
  await writeFile(join(folder, 'file'), '');
  for (const path of [join(folder, 'file'), join(folder, 'file', 'results')]) {
    await assert.rejects(requireWritable(path), {
      code: 'ERR_MOCO_OUTPUT',
      message: `cannot write ${path}: a part of the path is a file, not a folder (ENOTDIR)`,
    });
  }
});

test('a disk without room for the models is refused before the training', async (context) => {
  const folder = temporaryFolder(context);
  await requireRunSpace(join(folder, 'results'), 1000);
  await assert.rejects(requireRunSpace(join(folder, 'results'), 1e18), {
    code: 'ERR_MOCO_OUTPUT',
    message: /the run needs \d+ MB there, \d+ MB are free$/,
  });
  assert.deepEqual(await readdir(folder), []);
});

test('a file in the place of the run directory is moved aside like a run', async (context) => {
  const out = temporaryFolder(context);
  await mkdir(out, { recursive: true });
  await writeFile(join(out, NAME), 'a file');
  const { error } = await collect(trainerOn(new NativeTrainerDouble(), { out }).run());
  assert.equal(error, undefined);
  assert.equal(await readFile(join(out, `${NAME}.previous.1`, NAME), 'utf8'), 'a file');
});

test('a run that cannot begin leaves the files of the earlier one where they are', async (context) => {
  const out = temporaryFolder(context);
  const { config, description } = trainerOn(new NativeTrainerDouble(), { out });
  await writeFile(description.files.results, 'earlier');
  await mkdir(description.files.directory);
  await writeFile(join(description.files.directory, 'mark'), 'earlier');
  const output = runWithSmallDisk(`
    import { Recorder } from '#moco/train/recorder.js';
    const config = ${JSON.stringify(config)};
    const tooLong = { ...config, dataRoot: 'x'.repeat(20000) };
    await Recorder.open(tooLong, ${JSON.stringify(description)}).next().catch((error) => {
      console.log(error.code, error.message);
    });
  `);
  assert.match(output, /^ERR_MOCO_OUTPUT cannot write .*config\.resolved\.json: .*\(EFBIG\)$/m);
  assert.deepEqual((await readdir(out)).sort(), [NAME, `${NAME}_results.csv`]);
  assert.deepEqual(await readdir(join(out, NAME)), ['mark']);
});

test('where one file of an earlier run cannot be moved, the others are moved back', async (context) => {
  const out = temporaryFolder(context);
  const results = join(out, 'results.csv');
  await writeFile(results, 'earlier');
  const model = out; // a folder cannot be moved into itself
  await assert.rejects(movePreviousRun(join(out, 'run'), [results, model]), {
    code: 'ERR_MOCO_OUTPUT',
    message: new RegExp(`^cannot write ${out}: `),
  });
  assert.deepEqual(await readdir(out), ['results.csv']);
});
