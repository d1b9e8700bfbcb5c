import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type FolderRules, folderSource } from '#moco/pictures/folderSource.js';
import type { PictureSource } from '#moco/pictures/source.js';
import { splitByContent } from '#moco/pictures/splits.js';
import { failure } from '../../support/failure.js';
import { writeFiles } from '../../support/pictureFolder.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

const RULES: FolderRules = { labels: 'none', split: 'auto', testFraction: 0.1, splitSeed: 0 };

const SIZES = { storedSize: 8, imageSize: 8 };

const hashOf = (text: string) => createHash('sha256').update(text).digest().subarray(0, 16);

interface Given {
  readonly files: readonly string[];
  /** Folders to name; by default the one that the files lie in. */
  readonly folders?: readonly string[];
  readonly rules?: Partial<FolderRules>;
  /** A table of labels, by the name of its file. */
  readonly table?: readonly [name: string, content: string];
}

async function sourceOf(t: TestContext, { files, folders, rules, table }: Given) {
  const folder = temporaryFolder(t);
  const pictures = join(folder, 'pictures');
  await writeFiles(pictures, Object.fromEntries(files.map((name) => [name, name])));
  const labels = table && { labels: join(folder, table[0]) };
  if (table) await writeFiles(folder, { [table[0]]: table[1] });
  const named = folders?.map((name) => join(pictures, name)) ?? [pictures];
  return await folderSource(named, SIZES, { ...RULES, ...rules, ...labels });
}

/** By name, the class of each picture and its split. */
function described(source: PictureSource): Record<string, readonly [string | undefined, number]> {
  const rows = Array.from({ length: source.count }, (_, candidate) => {
    const name = source.name(candidate);
    const split = source.split(candidate, hashOf(name));
    return [name, [source.classes[source.label(candidate)], split]] as const;
  });
  return Object.fromEntries(rows);
}

test('a label is the first folder on the way to a picture', async (t) => {
  const files = ['cat/1.png', 'cat/deep/2.png', 'dog/3.png', '4.png'];
  const source = await sourceOf(t, { files, rules: { labels: 'folders', testFraction: 0 } });
  assert.deepEqual(described(source), {
    '4.png': [undefined, 0],
    'cat/1.png': ['cat', 0],
    'cat/deep/2.png': ['cat', 0],
    'dog/3.png': ['dog', 0],
  });
  assert.match(source.notices.join(), /1 of 4 pictures have no label/);
});

test('it is the first one below the folder that holds the split', async (t) => {
  const files = [
    'train/cat/1.png',
    'train/dog/2.png',
    'val/cat/3.png',
    'test/4.png',
    'other/5.png',
  ];
  const source = await sourceOf(t, { files, rules: { labels: 'folders' } });
  assert.deepEqual(described(source), {
    'other/5.png': ['other', 0],
    'test/4.png': [undefined, 2],
    'train/cat/1.png': ['cat', 0],
    'train/dog/2.png': ['dog', 0],
    'val/cat/3.png': ['cat', 1],
  });
  assert.match(source.notices.join(), /1 pictures lie in none of the folders train, val and test/);
  assert.deepEqual(source.rules, { labels: 'folders', split: 'folders' });
});

test('classes are in the order of their names, numbers in them by their value, however many', async (t) => {
  const files = Array.from({ length: 300 }, (_, number) => `class ${number}/a.png`);
  const { classes } = await sourceOf(t, { files, rules: { labels: 'folders' } });
  assert.deepEqual(
    classes,
    Array.from({ length: 300 }, (_, number) => `class ${number}`),
  );
});

test('folders that were named may be splits themselves', async (t) => {
  const source = await sourceOf(t, {
    files: ['a/train/cat/1.png', 'b/test/cat/2.png'],
    folders: ['a/train', 'b/test'],
    rules: { labels: 'folders' },
  });
  assert.deepEqual(described(source), {
    'test/cat/2.png': ['cat', 2],
    'train/cat/1.png': ['cat', 0],
  });
});

test('a folder train alone holds no split, unless that is asked for', async (t) => {
  const given = { files: ['train/1.png', 'extra/2.png'] };
  assert.equal((await sourceOf(t, given)).rules.split, 'fraction');
  const byFolder = sourceOf(t, { ...given, rules: { split: 'folders' } });
  assert.match((await failure(byFolder, 'ERR_MOCO_DATA')).message, /no pictures in a folder train/);
  const files = ['train/1.png', 'test/2.png'];
  const byFraction = await sourceOf(t, { files, rules: { split: 'fraction' } });
  assert.equal(byFraction.rules.split, 'fraction');
});

test('a split by fraction has about that share, and another seed has another one', () => {
  const hashes = Array.from({ length: 10_000 }, (_, number) => hashOf(`${number}`));
  const chosen = (seed: number, fraction: number) =>
    hashes.map((hash) => splitByContent(hash, fraction, seed) === 2);
  const share = chosen(0, 0.1).filter(Boolean).length / hashes.length;
  assert.ok(Math.abs(share - 0.1) < 0.01, `${share}`);
  assert.notDeepEqual(chosen(1, 0.1), chosen(0, 0.1));
  const [few, more] = [chosen(0, 0.1), chosen(0, 0.2)];
  assert.ok(few.every((isTest, at) => !isTest || more[at]));
  assert.ok(!chosen(0, 0).includes(true) && !chosen(0, 1).includes(false));
});

test('the split of a picture is the same whatever other pictures there are', () => {
  // Written down, so that no later version moves pictures of those who train today.
  const splits = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((text) =>
    splitByContent(hashOf(text), 0.5, 7),
  );
  assert.deepEqual(splits, [2, 2, 2, 2, 0, 0, 0, 0]);
});

for (const [name, content] of [
  ['labels.csv', 'file,label\na/1.png,cat\n"b, 2.png","a ""dog"""\n./3.png,cat\n4.png,\n'],
  [
    'semicolons.csv',
    '\ufefffile;score;label\r\na/1.png;3;cat\r\nb, 2.png;1;"a ""dog"""\r\n3.png;;cat\r\n',
  ],
  ['tabs.tsv', 'Label\tFile\ncat\ta/1.png\n"a ""dog"""\tb, 2.png\ncat\t3.png\n'],
  [
    'labels.jsonl',
    '{"file":"a/1.png","label":"cat"}\n\n{"file":"b, 2.png","label":"a \\"dog\\"","x":1}\n{"label":"cat","file":"3.png"}\n{"file":"4.png","label":null}',
  ],
] as const) {
  test(`labels are read from ${name}`, async (t) => {
    const files = ['a/1.png', 'b, 2.png', '3.png', '4.png'];
    const source = await sourceOf(t, { files, table: [name, content], rules: { testFraction: 0 } });
    assert.deepEqual(described(source), {
      '3.png': ['cat', 0],
      '4.png': [undefined, 0],
      'a/1.png': ['cat', 0],
      'b, 2.png': ['a "dog"', 0],
    });
    assert.deepEqual(source.classes, ['a "dog"', 'cat']);
    assert.match(source.notices.join(), /1 of 4 pictures have no label/);
  });
}

test('numbers are labels, too, and in their order', async (t) => {
  const table = ['l.jsonl', '{"file":"1.png","label":10}\n{"file":"2.png","label":9}'] as const;
  const { classes } = await sourceOf(t, { files: ['1.png', '2.png'], table });
  assert.deepEqual(classes, ['9', '10']);
});

test('with several folders, a table may name files with the folder or without', async (t) => {
  const table = ['l.csv', 'file,label\na/1.png,cat\n2.png,dog\n'] as const;
  const given = { files: ['a/1.png', 'b/2.png'], folders: ['a', 'b'], table };
  const source = await sourceOf(t, { ...given, rules: { testFraction: 0 } });
  assert.deepEqual(described(source), { 'a/1.png': ['cat', 0], 'b/2.png': ['dog', 0] });
});

test('files of a table that are no pictures are counted, and one is named', async (t) => {
  const table = ['l.csv', 'file,label\n1.png,cat\ngone.png,cat\nlost.png,dog\n'] as const;
  const { notices } = await sourceOf(t, { files: ['1.png'], table });
  assert.match(notices.join(), /2 of its 3 files are no pictures here, as gone\.png/);
});

for (const [what, name, content, message] of [
  [
    'two labels of a file',
    'l.csv',
    'file,label\n1.png,cat\n1.png,dog\n',
    /line 3: 1\.png has two labels: cat and dog/,
  ],
  ['no column of labels', 'l.csv', 'file,class\n1.png,cat\n', /there is no column "label"/],
  ['no column of files', 'l.csv', 'name,label\n1.png,cat\n', /there is no column "file"/],
  ['an open quote', 'l.csv', 'file,label\n"1.png,cat\n', /Quote Not Closed/],
  ['a row too short', 'l.csv', 'file,label\n1.png\n', /line 2/],
  [
    'a line that is no JSON',
    'l.jsonl',
    '{"file":"1.png","label":"a"}\n{"file"\n',
    /line 2: it is no JSON/,
  ],
  ['a line without a file', 'l.jsonl', '{"label":"a"}\n', /line 1: it names no file/],
  ['a label that is a list', 'l.jsonl', '{"file":"1.png","label":[]}\n', /line 1: it has no label/],
  ['a null', 'l.jsonl', 'null\n', /line 1: it is no JSON object/],
] as const) {
  test(`a table with ${what} is an error that says where`, async (t) => {
    const source = sourceOf(t, { files: ['1.png'], table: [name, content] });
    const error = await failure(source, 'ERR_MOCO_DATA');
    assert.match(error.message, message);
    assert.match(`${error.hint}`, /CSV file whose first line/);
  });
}

test('a table that is not there, or is a folder, is an error', async (t) => {
  for (const labels of [join(temporaryFolder(t), 'none.csv'), temporaryFolder(t)]) {
    const source = sourceOf(t, { files: ['1.png'], rules: { labels } });
    assert.match((await failure(source, 'ERR_MOCO_DATA')).message, /cannot read the labels in/);
  }
});

test('a folder without pictures is an error that counts what is there', async (t) => {
  const { message } = await failure(sourceOf(t, { files: ['a.txt', 'b.bmp'] }), 'ERR_MOCO_DATA');
  assert.match(message, /no pictures, and 2 other files/);
});

test('the fingerprint changes with what has a say in labels and splits, and only with that', async (t) => {
  const folder = temporaryFolder(t);
  await writeFiles(folder, {
    'a/1.png': 'x',
    'b/2.png': 'y',
    'l.csv': 'file,label\na/1.png,cat\n',
  });
  const of = async (rules: Partial<FolderRules>) =>
    (await folderSource([folder], SIZES, { ...RULES, ...rules })).fingerprint;
  const plain = await of({});
  assert.equal(await of({ split: 'fraction' }), plain);
  const others = [
    await of({ labels: 'folders' }),
    await of({ splitSeed: 1 }),
    await of({ testFraction: 0.2 }),
    await of({ labels: join(folder, 'l.csv') }),
  ];
  await writeFiles(folder, { 'l.csv': 'file,label\na/1.png,dog\n' });
  others.push(await of({ labels: join(folder, 'l.csv') }));
  assert.equal(new Set([plain, ...others]).size, 6);
});
