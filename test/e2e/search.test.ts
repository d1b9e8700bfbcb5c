import assert from 'node:assert/strict';
import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { train } from '#moco/train/train.js';
import { runMoco } from '../support/moco.js';
import { writePictures } from '../support/pictureFolder.js';
import { temporaryFolder } from '../support/temporaryFolder.js';
import { TINY_RUN } from '../support/tinyRun.js';

const folder = temporaryFolder();
const NAMES = Array.from(
  { length: 12 },
  (_, number) => `${number % 2 ? 'odd' : 'even'}/${number}.png`,
);
let model: string;

const moco = (...words: string[]) => runMoco(folder, words);

before(async () => {
  const { files } = await train({ ...TINY_RUN, epochs: 1, out: join(folder, 'out') });
  model = files.model;
  await writePictures(join(folder, 'pictures'), NAMES, 32);
  await copyFile(join(folder, 'pictures/even/4.png'), join(folder, 'pictures/odd/copy.png'));
  const { status, stderr } = moco(
    'embed',
    '--model-path',
    model,
    '--data',
    'pictures',
    '--labels',
    'folders',
  );
  assert.equal(status, 0, stderr);
});

test('moco search finds each picture itself first, and says its class', async () => {
  const queries = ['pictures/even/2.png', 'pictures/odd/7.png'];
  const { status, stdout, stderr } = moco(
    ...['search', ...queries, '--model-path', model, '--k', '3', '--json'],
    ...['--html', 'page/found.html', '--pictures', 'pictures'],
  );
  assert.deepEqual([status, stderr], [0, '']);
  const { pictures, notices, index } = JSON.parse(stdout);
  assert.deepEqual(notices, []);
  assert.equal(index.size, 13);
  assert.deepEqual(
    pictures.map(({ name }: { name: string }) => name),
    queries,
  );
  for (const [at, name, label] of [
    [0, 'even/2.png', 'even'],
    [1, 'odd/7.png', 'odd'],
  ] as const) {
    const [first, second] = pictures[at].neighbours;
    assert.equal(pictures[at].neighbours.length, 3);
    assert.deepEqual([first.name, first.label], [name, label]);
    assert.ok(first.similarity > 0.999 && first.similarity >= second.similarity);
  }
  const page = await readFile(join(folder, 'page/found.html'), 'utf8');
  assert.equal(page.match(/<img src="data:image\/png/g)?.length, 2 * 4);
});

test('without --json, moco search prints a table for each picture', () => {
  const { status, stdout } = moco(
    'search',
    'pictures/even/2.png',
    '--model-path',
    model,
    '--k',
    '2',
  );
  assert.equal(status, 0);
  assert.match(
    stdout,
    /^pictures\/even\/2\.png\n +1 {2}even\/2\.png +even +[01]\.\d{4}\n +2 {2}.+\n$/,
  );
});

test('moco search refuses features of another kind, pictures that are none, and no pictures at all', () => {
  const other = moco(
    'embed',
    '--model-path',
    model,
    '--data',
    'pictures',
    ...['--output', 'projection', '--out', 'projection.safetensors'],
  );
  assert.equal(other.status, 0, other.stderr);
  const projected = moco(
    'search',
    'pictures/even/2.png',
    '--model-path',
    model,
    '--index',
    'projection.safetensors',
  );
  assert.equal(projected.status, 0, projected.stderr); // it asks the model for projections, too
  const seen = moco('search', 'pictures/even/2.png', '--model-path', model, '--arch', 'resnet50');
  assert.notEqual(seen.status, 0);
  assert.match(
    moco('search', '--model-path', model).stderr,
    /queries: expected at least one picture/,
  );
  assert.match(
    moco('search', 'features.safetensors', '--model-path', model).stderr,
    /\[ERR_MOCO_DATA\]/,
  );
});

test('moco duplicates finds the copy, and writes a page', async () => {
  const words = [
    'duplicates',
    '--threshold',
    '0.9999999',
    '--html',
    'same.html',
    '--pictures',
    'pictures',
  ];
  const { status, stdout, stderr } = moco(...words, '--json');
  assert.deepEqual([status, stderr], [0, '']);
  const { groups, pairCount } = JSON.parse(stdout);
  const copied = groups.find(({ ids }: { ids: string[] }) => ids.includes('odd/copy.png'));
  assert.ok(copied.ids.includes('even/4.png'), stdout);
  assert.ok(pairCount >= 1);
  assert.match(await readFile(join(folder, 'same.html'), 'utf8'), /<h1>Duplicates<\/h1>/);
  assert.match(moco(...words).stdout, /odd\/copy\.png +1\.0000 +to even\/4\.png/);
});
