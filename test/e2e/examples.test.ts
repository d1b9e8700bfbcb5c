import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { executable } from '../support/moco.js';
import { temporaryFolder } from '../support/temporaryFolder.js';
import { TINY_RUN } from '../support/tinyRun.js';

const examples = fileURLToPath(new URL('../../../examples', import.meta.url));

const TINY = { ...TINY_RUN, epochs: 1 };

const folder = temporaryFolder();

/** Writes a configuration that trains to a folder of its own; returns both paths. */
async function configuration(name: string, changes: object = {}) {
  const [file, out] = [join(folder, `${name}.json`), join(folder, name)];
  await writeFile(file, JSON.stringify({ ...TINY, out, ...changes }));
  return { file, out };
}

/** Runs an example to its end in the folder. */
function run(example: string, ...args: string[]) {
  const options = { cwd: folder, encoding: 'utf8' } as const;
  const words = [join(examples, example), ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, words, options);
  return { status, lines: stdout.trimEnd().split('\n'), stderr };
}

/** Starts an example, to be talked to while it runs. */
function start(example: string, args: string[], environment: NodeJS.ProcessEnv = {}) {
  const child: ChildProcess = spawn(process.execPath, [join(examples, example), ...args], {
    cwd: folder,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  assert.ok(child.stdout);
  return { child, exit: once(child, 'exit'), lines: createInterface({ input: child.stdout }) };
}

test('resume.mjs stops on SIGTERM after its step, and goes on when it is started again', async () => {
  const { file, out } = await configuration('resume', { epochs: 4 });
  const { child, exit, lines } = start('resume.mjs', [file]);
  const output: string[] = [];
  for await (const line of lines) {
    output.push(line);
    if (line.startsWith('epoch 1, step 2')) child.kill('SIGTERM');
  }
  assert.deepEqual(await exit, [0, null]);
  assert.match(output[0] as string, /^starting, because .* is not there$/);
  const stopped = /^the training was stopped in (epoch \d, after step \d)$/.exec(
    output.at(-1) ?? '',
  );
  assert.ok(stopped, output.at(-1));

  const again = run('resume.mjs', file);
  assert.deepEqual([again.status, again.stderr], [0, '']);
  assert.equal(again.lines[0], `going on in ${stopped[1]}`);
  const steps = [...output, ...again.lines].filter((line) => /^epoch \d, step \d: /.test(line));
  assert.equal(steps.length, 4 * 4);
  const model = join(out, '16_32_0.5_0.999_5_16_4_model.pth');
  assert.equal(again.lines.at(-1), `done: ${model}`);
  assert.ok(existsSync(model));
});

test('sweep.mjs trains one file at several temperatures; measure.mjs measures what it leaves', async () => {
  const { file, out } = await configuration('sweep');
  const swept = run('sweep.mjs', file, '0.1', '0.5');
  assert.deepEqual([swept.status, swept.stderr], [0, '']);
  const models = ['0.1', '0.5'].map((t) => join(out, `16_32_${t}_0.999_5_16_1_model.pth`));
  models.forEach((model, index) => {
    assert.match(swept.lines[index] as string, new RegExp(`^trained .*: ${model}$`));
    assert.ok(existsSync(model));
  });

  const measured = run('measure.mjs', models[1] as string);
  assert.deepEqual([measured.status, measured.stderr], [0, '']);
  const [reference, official, hardest, linear] = measured.lines as [string, string, string, string];
  // Votes with the temperature of the training give what was measured during the training.
  const [, top1] = /│ '0\.5' +│ ([\d.]+) +│/.exec(swept.lines.join('\n')) ?? [];
  assert.ok(reference.startsWith(`kNN, temperature 0.5: ${Number(top1).toFixed(2)} %, top-5 `));
  assert.match(official, /^kNN, temperature 0\.1: \d+\.\d\d %, top-5 \d+\.\d\d %$/);
  assert.match(hardest, /^the hardest class is [a-z ]+: \d+\.\d\d %$/);
  assert.match(linear, /^linear, learning rate [\d.]+: \d+\.\d\d %$/);
  assert.ok(existsSync(join(folder, 'results', 'linear_cached.csv')));
});

test('sweep.mjs names the place of what is wrong in a file', async () => {
  const { file } = await configuration('misspelt', { temprature: 0.1 });
  const { status, stderr } = run('sweep.mjs', file);
  assert.equal(status, 1);
  assert.match(stderr, /temprature.*temperature/s);
  assert.match(stderr, /misspelt\.json:1:\d+/);
});

test('metrics.mjs follows every epoch, and stops where kNN does not become better', async () => {
  // Of four test pictures, at most four evaluations can be better than all before: long before its
  // last epoch the run has three in a row that are not.
  const { file, out } = await configuration('metrics', { epochs: 50, testLimit: 4 });
  const { status, lines, stderr } = run('metrics.mjs', file);
  assert.deepEqual([status, stderr], [0, '']);
  const rows = lines.map((line) => JSON.parse(line));
  const last = rows.at(-1);
  assert.ok(last.epoch < 50, 'it stopped early');
  assert.equal(rows.length, 2 * last.epoch);
  const best = rows.filter(({ top1 }) => top1 === last.best).map(({ epoch }) => epoch);
  assert.equal(last.epoch - best[0], 3);
  assert.ok(existsSync(join(out, '16_32_0.5_0.999_5_16_50', 'checkpoint.safetensors')));
});

test('every configuration file is one of moco train, and says what it sets', () => {
  const files = readdirSync(examples).filter((name) => name.endsWith('.json'));
  assert.ok(files.length >= 4);
  for (const name of files) {
    const file = join(examples, name);
    const words = [executable, 'train', '--config', file, '--print-config'];
    const { status, stdout, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8' });
    assert.deepEqual([status, stderr], [0, ''], name);
    const [complete, own] = [JSON.parse(stdout), JSON.parse(readFileSync(file, 'utf8'))];
    assert.deepEqual({ ...complete, ...own }, complete, name);
  }
});

test('cifar10.json is the reference’s run, which is what moco does without a configuration', () => {
  const words = ['train', '--print-config'];
  const print = (...more: string[]) =>
    spawnSync(process.execPath, [executable, ...words, ...more], { encoding: 'utf8' }).stdout;
  assert.equal(print('--config', join(examples, 'cifar10.json')), print());
});

test('every example fits on a screen, and the table of examples names it', () => {
  const readme = readFileSync(join(examples, 'README.md'), 'utf8');
  const names = readdirSync(examples).filter((name) => name !== 'README.md');
  const programs = names.filter((name) => name.endsWith('.mjs'));
  assert.equal(programs.length, 4);
  for (const name of names) assert.match(readme, new RegExp(`\\(${name}(/README\\.md)?\\)`));
  for (const name of programs) {
    const lines = readFileSync(join(examples, name), 'utf8').trimEnd().split('\n');
    assert.ok(lines.length <= 40, `${name} has ${lines.length} lines`);
  }
});
