import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { CIFAR10, type CifarVariant } from '#moco/data/cifarVariant.js';
import { runMoco } from '../support/moco.js';
import { writePythonCifar } from '../support/pythonCifar.js';
import { writeCifar } from '../support/smallCifar.js';
import { temporaryFolder } from '../support/temporaryFolder.js';

/** Twelve training pictures and four for testing, in the layout of CIFAR-10. */
const OWN: CifarVariant = {
  ...CIFAR10,
  train: { files: ['data_batch_1.bin', 'data_batch_2.bin'], recordsPerFile: 6 },
  test: { files: ['test_batch.bin'], recordsPerFile: 4 },
};

const RECIPE = ['--arch', 'resnet18', '--device', 'cpu', '--threads', '1', '--m', '16', '--json'];

/** What a run on pictures of one's own prints, by the type of its events. */
function train(folder: string, words: readonly string[]) {
  const { status, stdout, stderr } = runMoco(folder, ['train', ...RECIPE, ...words]);
  const events = stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
  const steps = events.filter(({ type }) => type === 'step').map(({ loss }) => loss);
  const warnings = events.filter(({ type }) => type === 'warning').map(({ message }) => message);
  return { status, stderr, steps, warnings };
}

test('a run on pictures of one’s own learns the same from both versions of the files', async (t) => {
  const folder = temporaryFolder(t);
  await writeCifar(OWN, join(folder, 'binary'));
  await writePythonCifar(OWN, join(folder, 'python'));
  const small = ['--batch-size', '4', '--k', '3', '--epochs', '1'];
  const runs = ['binary', 'python'].map((root) =>
    train(folder, [...small, '--data-root', root, '--out', `out-${root}`]),
  );
  for (const { status, stderr, steps } of runs) {
    assert.equal(status, 0, stderr);
    assert.equal(steps.length, 3);
  }
  assert.deepEqual(runs[0]?.steps, runs[1]?.steps);
});

test('a set that is too small for the batch and for k is refused with its number of pictures', async (t) => {
  const folder = temporaryFolder(t);
  const data = await writeCifar(OWN, join(folder, 'data'));
  const { status, stderr } = train(folder, []);
  assert.notEqual(status, 0);
  const most = `expected at most 12, the number of training pictures in ${data}`;
  assert.ok(stderr.includes(`batchSize: ${most}, given 256`), stderr);
  assert.ok(stderr.includes(`k: ${most}: the kNN bank holds the training pictures`), stderr);
});

test('a run that was moved, or goes on from elsewhere, finds its data set', async (t) => {
  const folder = temporaryFolder(t);
  const [before, after] = [join(folder, 'before'), join(folder, 'after')];
  await writeCifar(OWN, join(before, 'data'));
  const small = ['--batch-size', '4', '--k', '3', '--epochs'];
  const first = train(before, [...small, '1']);
  assert.equal(first.status, 0, first.stderr);
  renameSync(before, after);
  mkdirSync(join(folder, 'elsewhere'));
  const [name] = readdirSync(join(after, 'results'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
  const run = join(after, 'results', `${name}`);
  renameSync(join(after, 'data'), join(folder, 'away'));
  const lost = train(join(folder, 'elsewhere'), ['--resume', run, '--epochs', '2']);
  assert.notEqual(lost.status, 0);
  const places = [join(folder, 'elsewhere', 'data'), join(after, 'data')];
  assert.ok(lost.stderr.includes(`is not in ${places.join(', nor in ')}`), lost.stderr);
  renameSync(join(folder, 'away'), join(after, 'data'));
  for (const epochs of ['2', '3']) {
    const resumed = train(join(folder, 'elsewhere'), ['--resume', run, '--epochs', epochs]);
    assert.equal(resumed.status, 0, resumed.stderr);
  }
  assert.deepEqual(readdirSync(join(folder, 'elsewhere')), []);
});
