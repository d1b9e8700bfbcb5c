import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { create } from 'tar';
import { datasetOf } from '#moco/pictures/datasetOf.js';
import { packedNamed } from '#moco/pictures/packedNamed.js';
import { STL10_ARCHIVE, stl10Source } from '#moco/pictures/stl10.js';
import { failure } from '../../support/failure.js';
import { sendFile, serve } from '../../support/httpServer.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

const SIDE = 96;
const RECORD = 3 * SIDE * SIDE;

/** The value at a place of a picture; no two of its pixels and channels are exchanged unseen. */
const valueAt = (picture: number, row: number, column: number, channel: number) =>
  (7 * picture + 3 * row + 5 * column + 80 * channel) % 256;

/** A record as STL-10 has it: planes, each column after column. */
function record(picture: number): Buffer {
  const bytes = Buffer.alloc(RECORD);
  let at = 0;
  for (let channel = 0; channel < 3; channel++) {
    for (let column = 0; column < SIDE; column++) {
      for (let row = 0; row < SIDE; row++) bytes[at++] = valueAt(picture, row, column, channel);
    }
  }
  return bytes;
}

const records = (first: number, count: number) =>
  Buffer.concat(Array.from({ length: count }, (_, number) => record(first + number)));

/** Three training pictures, two test pictures and four without labels. */
async function writeStl10(dataRoot: string): Promise<string> {
  const folder = join(dataRoot, 'stl10_binary');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'train_X.bin'), records(0, 3));
  await writeFile(join(folder, 'train_y.bin'), Buffer.of(1, 10, 3));
  await writeFile(join(folder, 'test_X.bin'), records(3, 2));
  await writeFile(join(folder, 'test_y.bin'), Buffer.of(2, 2));
  await writeFile(join(folder, 'unlabeled_X.bin'), records(5, 4));
  const classes = 'airplane\nbird\ncar\ncat\ndeer\ndog\nhorse\nmonkey\nship\ntruck\n';
  await writeFile(join(folder, 'class_names.txt'), classes);
  return folder;
}

async function rootWithStl10(t: TestContext) {
  const dataRoot = temporaryFolder(t);
  return { dataRoot, folder: await writeStl10(dataRoot) };
}

test('pictures are turned from columns to rows, and those without labels train, too', async (t) => {
  const { dataRoot } = await rootWithStl10(t);
  const packed = await packedNamed('stl10', dataRoot);
  const { train, test, classes, cropShare, notices } = datasetOf(packed);
  assert.deepEqual([...train.labels], [0, 9, 2, -1, -1, -1, -1]);
  assert.deepEqual([...test.labels], [1, 1]);
  assert.deepEqual([classes[0], classes[9], train.width, cropShare], ['airplane', 'truck', 96, 1]);
  assert.deepEqual(notices, []);
  const { offset } = packed.pixels;
  const bytes = await readFile(packed.path);
  for (const [picture, row, column, channel] of [
    [0, 0, 0, 0],
    [1, 2, 90, 1],
    [4, 95, 3, 2],
    [8, 50, 95, 0],
  ] as const) {
    const at = offset + picture * RECORD + (row * SIDE + column) * 3 + channel;
    assert.equal(bytes[at], valueAt(picture, row, column, channel));
  }
  assert.equal((await packed.names())[5], 'unlabeled_X.bin/00000');
});

test('without the file of unlabelled pictures the others train, and a line says so', async (t) => {
  const { dataRoot, folder } = await rootWithStl10(t);
  await rm(join(folder, 'unlabeled_X.bin'));
  const { train, notices } = datasetOf(await packedNamed('stl10', dataRoot));
  assert.equal(train.count, 3);
  assert.match(notices.join(), /no unlabeled_X\.bin: only labelled pictures train/);
});

for (const [what, damage, message] of [
  ['a cut file', (folder: string) => truncate(join(folder, 'test_X.bin'), 5), /has 5 bytes/],
  ['a missing file', (folder: string) => rm(join(folder, 'train_y.bin')), /cannot read .*train_y/],
  [
    'too few labels',
    (folder: string) => writeFile(join(folder, 'train_y.bin'), Buffer.of(1)),
    /has 1 labels, for 3 pictures/,
  ],
  [
    'a label that there is not',
    (folder: string) => writeFile(join(folder, 'test_y.bin'), Buffer.of(1, 11)),
    /picture 1 \(counted from 0\) has label 11, expected 1 to 10/,
  ],
] as const) {
  test(`${what} is an error that says what to do`, async (t) => {
    const { dataRoot, folder } = await rootWithStl10(t);
    await damage(folder);
    const error = await failure(packedNamed('stl10', dataRoot), 'ERR_MOCO_DATA');
    assert.match(error.message, message);
    assert.match(`${error.hint}`, /Delete the folder stl10_binary/);
  });
}

test('it is downloaded where it is not there, once, and the archive is deleted', async (t) => {
  const source = temporaryFolder(t);
  await writeStl10(source);
  await writeFile(join(source, 'stl10_binary/readme.html'), 'not needed');
  const file = join(source, 'archive.tar.gz');
  await create({ file, cwd: source, gzip: true }, ['stl10_binary']);
  const bytes = await readFile(file);
  await using server = await serve((request, response) => sendFile(bytes, request, response));
  process.env.MOCO_STL10_URL = server.url;
  t.after(() => delete process.env.MOCO_STL10_URL);
  const archive = { ...STL10_ARCHIVE, md5: createHash('md5').update(bytes).digest('hex') };
  const dataRoot = join(temporaryFolder(t), 'data');
  for (const _ of ['downloaded', 'found']) {
    assert.equal((await stl10Source(dataRoot, {}, archive)).count, 9);
  }
  assert.equal(server.asked.length, 1);
  assert.deepEqual(await readdir(dataRoot), ['stl10_binary']);
  assert.ok(!(await readdir(join(dataRoot, 'stl10_binary'))).includes('readme.html'));
});

test('the published address and checksum are those of the binary version', () => {
  const { url, md5 } = STL10_ARCHIVE;
  assert.equal(url, 'http://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz');
  assert.equal(md5, '91f7769df0f17e558f3565bffb0c7dfb');
});
