import assert from 'node:assert/strict';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { runMoco } from '../support/moco.js';
import { writeFiles, writePictures } from '../support/pictureFolder.js';
import { temporaryFolder } from '../support/temporaryFolder.js';

const folder = temporaryFolder();
await writePictures(join(folder, 'photos'), ['cat/1.png', 'cat/2.png', 'dog/3.png', '4.png'], 40);
await writeFiles(join(folder, 'photos'), { 'dog/broken.jpg': 'no picture' });
const moco = (...words: string[]) => runMoco(folder, ['data', ...words]);

test('a folder is packed, described and checked by the command line', () => {
  const pack = ['pack', 'photos', '--labels', 'folders', '--image-size', '32', '--out', 'a.moco'];
  const packed = moco(...pack);
  assert.deepEqual([packed.status, packed.stderr], [0, 'packing a.moco\n']);
  assert.match(packed.stdout, /^a\.moco: 4 pictures of 32×32$/m);
  assert.match(packed.stdout, /^ {2}dog\/broken\.jpg: its content is no JPEG/m);
  assert.deepEqual(moco(...pack).stderr, ''); // it is there already
  const info = JSON.parse(moco('info', 'a.moco', '--json').stdout);
  const ofFolder = moco('info', 'photos', '--labels', 'folders', '--image-size', '32', '--json');
  const { paths, ...rest } = JSON.parse(ofFolder.stdout);
  assert.deepEqual({ ...info, paths }, { ...rest, paths });
  assert.deepEqual(info.labels, [
    { name: 'cat', count: 2 },
    { name: 'dog', count: 1 },
  ]);
  const checked = moco('check', 'a.moco');
  assert.deepEqual(
    [checked.status, checked.stdout],
    [0, 'a.moco: 4 pictures in 1 block, every checksum is right\n'],
  );
});

test('a damaged file ends the check with 1 and the names of pictures', async () => {
  await using file = await open(join(folder, 'a.moco'), 'r+');
  await file.write(Buffer.from('damage'), 0, 6, 60_000 - 15_000);
  const { status, stdout } = moco('check', 'a.moco');
  assert.equal(status, 1);
  assert.match(stdout, /1 of them damaged:\n {2}pictures 0 to 3: 4\.png … dog\/3\.png/);
  const { damaged } = JSON.parse(moco('check', 'a.moco', '--json').stdout);
  assert.equal(damaged[0].names.length, 4);
});

test('strict refuses, wrong flags are told, and neither leaves a packed file', async () => {
  const strict = moco('pack', 'photos', '--out', 'b.moco', '--strict');
  assert.equal(strict.status, 1);
  assert.match(strict.stderr, /photos: 1 broken \[ERR_MOCO_DATA\]\n {2}dog\/broken\.jpg/);
  for (const [words, message] of [
    [['pack', 'photos'], /required option '--out <file>'/],
    [['pack', 'photos', '--out', 'b.png'], /ends in \.moco/],
    [
      ['pack', 'photos', '--out', 'b.moco', '--test-fraction', '7'],
      /expected a number from 0 to 1/,
    ],
    [['pack', 'photos', '--out', 'b.moco', '--image-size', 'big'], /expected a whole number/],
    [['pack', 'photos', '--out', 'b.moco', '--split', 'random'], /Allowed choices are auto/],
    [['wrap'], /unknown command 'wrap'/],
  ] as const) {
    const { status, stderr } = moco(...words);
    assert.equal(status, 2, stderr);
    assert.match(stderr, message);
  }
  assert.ok(!(await readdir(folder)).includes('b.moco'));
});
