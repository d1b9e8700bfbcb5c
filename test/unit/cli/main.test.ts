import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { configKeys } from '#moco/config/commandConfig.js';
import { configFlags } from '#moco/config/flags.js';
import { trainCommand } from '#moco/config/trainConfig.js';
import { version } from '#moco/version.js';
import { executable, runMoco } from '../../support/moco.js';
import { PERMISSION } from '../../support/permissionModel.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

const folder = temporaryFolder();

/** Runs the command in the test's folder. */
const moco = (...words: string[]) => runMoco(folder, words);

test('--version prints the version', () => {
  assert.deepEqual(moco('--version'), { status: 0, stdout: `${version}\n`, stderr: '' });
});

test('--help lists the commands without loading what they need', () => {
  const { status, stdout, stderr } = moco('--help');
  assert.deepEqual({ status, stderr }, { status: 0, stderr: '' });
  for (const name of ['train', 'knn', 'linear', 'config', 'Exit codes'])
    assert.ok(stdout.includes(name), name);
  const words = ['--import', PRINT_LOADED, executable, '--help'];
  const loaded = spawnSync(process.execPath, words, { encoding: 'utf8' }).stderr;
  assert.match(loaded, /node_modules.commander/);
  assert.doesNotMatch(loaded, /node_modules.(zod|@bufbuild)|dist.(native|setup)/);
});

const dataUrl = (code: string) => `data:text/javascript,${encodeURIComponent(code)}`;

/** A module that prints the address of every module loaded after it, on standard error. */
const PRINT_LOADED = dataUrl(`
  import { register } from 'node:module';
  register(${JSON.stringify(
    dataUrl('export const load = (url, _, next) => { process._rawDebug(url); return next(url); }'),
  )});
`);

test('train --help shows every flag once, with its default', () => {
  const { status, stdout } = moco('train', '--help');
  assert.equal(status, 0);
  assert.match(stdout, /--m <n> +number of negatives: .*?\(default:\s+4096\)/s);
  assert.ok(!stdout.includes('--batch_size'));
  for (const { flag } of configFlags(trainCommand)) {
    assert.equal(stdout.match(new RegExp(`^  ${flag} `, 'gm'))?.length, 1, flag);
  }
});

test('a flag with a long list of choices stands on a line of its own in the help', () => {
  const lines = moco('train', '--help').stdout.split('\n');
  const recipe = lines.findIndex((line) => line.startsWith('  --recipe <auto|'));
  const column = lines.find((line) => line.startsWith('  --data <folder> '))?.indexOf('your own');
  assert.equal(lines[recipe + 1]?.search(/\S/), column);
  const descriptions = lines.filter((line) => line.startsWith(' '.repeat(column as number)));
  assert.ok(
    descriptions.every((line) => line.length <= 80),
    descriptions.join('\n'),
  );
});

test('lists and switches are typed as one would expect, and shown so in the help', () => {
  const knn = moco('knn', '--temperature', '0.1', '--temperature', '1,2', '--print-config');
  assert.deepEqual(JSON.parse(knn.stdout).temperature, [0.1, 1, 2]);
  const linear = moco('linear', '--frozen_bn', '--cached', '--print-config');
  const { frozenBn, cached } = JSON.parse(linear.stdout);
  assert.deepEqual({ frozenBn, cached }, { frozenBn: true, cached: true });
  assert.match(moco('knn', '--help').stdout, /--temperature <x,…> .*?\(default:\s+0\.5,0\.1\)/s);
  assert.match(moco('linear', '--help').stdout, /--frozen-bn +BatchNorm/);
  const wrong = moco('linear', '--frozen-bn=3', '--print-config');
  assert.equal(wrong.status, 2);
  assert.match(wrong.stderr, /^ {2}--frozen-bn: takes no value$/m);
  const train = moco('train', '--no-tf32', '--no_cuda_graph', '--deterministic', '--print-config');
  const { tf32, cudaGraph, deterministic } = JSON.parse(train.stdout);
  assert.deepEqual([tf32, cudaGraph, deterministic], [false, false, true]);
});

test('what --print-config prints is a configuration file that gives the same', async () => {
  const words = [
    '--feature_dim',
    '64',
    '--set',
    'm=128',
    '--train-limit',
    '500',
    '--device',
    'cpu',
  ];
  const first = moco('train', ...words, '--print-config');
  assert.deepEqual([first.status, first.stderr], [0, '']);
  assert.equal(JSON.parse(first.stdout).featureDim, 64);
  await writeFile(join(folder, 'printed.json'), first.stdout);
  const second = moco('train', '--config', 'printed.json', '--print-config');
  assert.deepEqual(second, first);
});

test('everything wrong on the command line is listed at once, and the exit code is 2', () => {
  const { status, stdout, stderr } = moco(
    ...['train', '--bach-size', '3', 'extra', '--epochs', '-1', '--set', 'feature_dim=2'],
    ...['--temperature=nan', '-k', '5', '--jsn', '--json=3', '-x'],
  );
  assert.deepEqual({ status, stdout }, { status: 2, stdout: '' });
  assert.deepEqual(stderr.split('\n').slice(0, -1), [
    'error: the configuration has 9 problems: [ERR_MOCO_CONFIG]',
    '  --bach-size: unknown flag; the nearest known one is --batch-size',
    '  "extra": expected a flag: `train` takes no other arguments',
    '  -k: unknown flag; the nearest known one is --k',
    '  --jsn: unknown flag; the nearest known one is --json',
    '  --json: takes no value',
    '  -x: unknown flag',
    '  epochs: expected an integer from 1 to 1000000, given -1 (--epochs)',
    '  feature_dim: unknown key; the nearest known one is featureDim (--set feature_dim)',
    '  temperature: expected a number from 0.02 to 100, given "nan" (--temperature)',
    'hint: `moco train --help` lists every flag, `moco config init` every key with its default.',
  ]);
});

test('a flag without its value, an unknown command and no command end with 2', () => {
  const missing = moco('train', '--epochs');
  assert.equal(missing.status, 2);
  assert.match(missing.stderr, /^error: option '--epochs <n>' argument missing/);
  const unknown = moco('trian');
  assert.equal(unknown.status, 2);
  assert.match(unknown.stderr, /Did you mean train\?/);
  assert.equal(moco().status, 2);
  assert.equal(moco('config').status, 2);
});

test('an error shows its stack only when asked for', () => {
  const plain = moco('train', '--config', 'missing.json');
  assert.equal(plain.status, 2);
  assert.equal(plain.stderr.split('\n').length, 3);
  const options = {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, MOCO_DEBUG: '1' },
  } as const;
  const words = [executable, 'train', '--config', 'missing.json'];
  assert.match(spawnSync(process.execPath, words, options).stderr, /\n +at .*config/);
});

test("what Node's permission model does not allow is no defect of moco, and named", () => {
  const started = (...words: string[]) =>
    spawnSync(process.execPath, [PERMISSION, '--allow-fs-read=*', executable, ...words], {
      cwd: folder,
      encoding: 'utf8',
    });
  const training = started('train', '--dataset', 'shapes', '--out', 'mine');
  assert.equal(training.status, 1);
  assert.match(
    training.stderr,
    /cannot write \S*mine: .*permission model.* \[ERR_MOCO_OUTPUT\]\nhint: .*--allow-fs-write/,
  );
  const examining = started('doctor');
  assert.equal(examining.status, 1);
  assert.match(examining.stdout, /start-up .*cannot be used[\s\S]*--allow-child-process/);
  assert.match(examining.stdout, /addon .*cannot be used[\s\S]*--allow-child-process/);
});

test('an output folder that cannot be ends with 1 before anything is loaded or written', async () => {
  await writeFile(join(folder, 'file'), 'mine');
  const before = await readdir(folder);
  const { status, stdout, stderr } = moco('train', '--dataset', 'shapes', '--out', 'file/results');
  assert.deepEqual({ status, stdout }, { status: 1, stdout: '' });
  assert.equal(
    stderr,
    `error: cannot write ${folder}/file/results: a part of the path is a file, not a folder (ENOTDIR) [ERR_MOCO_OUTPUT]\n` +
      'hint: Choose another folder.\n',
  );
  assert.deepEqual(await readdir(folder), before);
  assert.equal(await readFile(join(folder, 'file'), 'utf8'), 'mine');
});

test('config schema prints a JSON Schema', () => {
  const { status, stdout } = moco('config', 'schema');
  assert.equal(status, 0);
  assert.deepEqual(Object.keys(JSON.parse(stdout).properties), [
    '$schema',
    ...configKeys(trainCommand),
  ]);
});

test('config serves every command', () => {
  const schema = JSON.parse(moco('config', 'schema', 'knn').stdout);
  assert.equal(schema.title, 'moco knn');
  assert.match(moco('config', 'init', '--command', 'linear').stdout, /^\/\/ .*`moco linear`/);
  const written = moco('config', 'init', 'knn.json', '--command', 'knn').stdout;
  assert.equal(written, 'wrote knn.json; use it with: moco knn --config knn.json\n');
  const unknown = moco('config', 'schema', 'nope');
  assert.equal(unknown.status, 2);
  assert.match(unknown.stderr, /Allowed choices are train, knn, linear/);
});

test('config init prints a file, or writes it where none is', async () => {
  const printed = moco('config', 'init');
  assert.equal(printed.status, 0);
  assert.equal(moco('config', 'init', 'new.json').status, 0);
  assert.equal(await readFile(join(folder, 'new.json'), 'utf8'), printed.stdout);
  await writeFile(join(folder, 'new.json'), '{}');
  assert.match(moco('config', 'init', 'new.json').stderr, /exists already and was not changed/);
  assert.equal(await readFile(join(folder, 'new.json'), 'utf8'), '{}');
  assert.equal(moco('config', 'init', 'new.json', '--force').status, 0);
  assert.equal(await readFile(join(folder, 'new.json'), 'utf8'), printed.stdout);
});

test('where nobody reads the output, the command ends without a word', () => {
  // The process that reads descriptor 3 has ended before the command starts.
  const script = 'exec 3> >(true); wait $!; "$0" "$1" config schema >&3';
  const { status, stderr } = spawnSync('bash', ['-c', script, process.execPath, executable], {
    encoding: 'utf8',
  });
  assert.deepEqual({ status, stderr }, { status: 141, stderr: '' });
});

test('where the output cannot be written, the command says so and ends with 1', {
  skip: !existsSync('/dev/full') && 'there is no /dev/full here',
}, () => {
  const script = '"$0" "$1" train --print-config > /dev/full';
  const { status, stderr } = spawnSync('bash', ['-c', script, process.execPath, executable], {
    encoding: 'utf8',
  });
  assert.equal(status, 1);
  assert.match(stderr, /^error: cannot write the output: ENOSPC.* \[ERR_MOCO_OUTPUT\]\n$/);
});
