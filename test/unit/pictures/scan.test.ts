import assert from 'node:assert/strict';
import { mkdir, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { scanFolders } from '#moco/pictures/scan.js';
import { failure } from '../../support/failure.js';
import { writeFiles } from '../../support/pictureFolder.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

/** A folder of empty files of these names. */
async function folderOf(t: TestContext, names: readonly string[]): Promise<string> {
  const folder = temporaryFolder(t);
  await writeFiles(folder, Object.fromEntries(names.map((name) => [name, ''])));
  return folder;
}

async function namesIn(...folders: string[]): Promise<string[]> {
  return (await scanFolders(folders)).files.map(({ name }) => name);
}

test('files are pictures by how their names end, in any letters', async (t) => {
  const pictures = ['a.jpg', 'b.JPEG', 'c.Png', 'd.webp', 'e.tif', 'f.TIFF', 'g.avif', 'h.gif'];
  const folder = await folderOf(t, [...pictures, 'i.txt', 'j', 'k.jpg.txt', 'l.bmp', 'm.txt']);
  const { files, ignored } = await scanFolders([folder]);
  assert.deepEqual(
    files.map(({ name }) => name),
    pictures,
  );
  assert.deepEqual(Object.fromEntries(ignored), { '.txt': 3, '': 1, '.bmp': 1 });
});

test('the order is that of the bytes of the names, whatever the folders give', async (t) => {
  const folder = await folderOf(t, ['b/1.png', 'a/2.png', 'B.png', 'a.png', 'é.png', '🙂.png']);
  const expected = ['B.png', 'a.png', 'a/2.png', 'b/1.png', 'é.png', '🙂.png'];
  assert.deepEqual(await namesIn(folder), expected);
});

test('what is hidden is passed over', async (t) => {
  assert.deepEqual(await namesIn(await folderOf(t, ['.a.png', '.git/b.png', 'c.png'])), ['c.png']);
});

test('a folder is entered once, under the name that it has itself', async (t) => {
  const folder = await folderOf(t, ['z/1.png', 'z/deep/2.png']);
  await symlink('z', join(folder, 'a'));
  await symlink('../..', join(folder, 'z/deep/up'));
  await symlink(folder, join(folder, 'z/deep/whole'));
  assert.deepEqual(await namesIn(folder), ['z/1.png', 'z/deep/2.png']);
});

test('a link to a folder elsewhere is followed, and each link to a file is a picture', async (t) => {
  const elsewhere = await folderOf(t, ['deep/1.png']);
  const folder = await folderOf(t, ['2.png']);
  await symlink(elsewhere, join(folder, 'elsewhere'));
  await symlink('2.png', join(folder, '3.png'));
  assert.deepEqual(await namesIn(folder), ['2.png', '3.png', 'elsewhere/deep/1.png']);
});

test('several folders give names that begin with theirs, with numbers where two are the same', async (t) => {
  const folder = await folderOf(t, ['a/x/1.png', 'b/x/2.png', 'b/y/3.png']);
  const folders = ['a/x', 'b/x', 'b/y'].map((name) => join(folder, name));
  assert.deepEqual(await namesIn(...folders), ['x-2/2.png', 'x/1.png', 'y/3.png']);
});

test('a folder that was named twice, or lies in another one, gives its pictures once', async (t) => {
  const folder = await folderOf(t, ['a/1.png', '2.png']);
  assert.equal((await namesIn(folder, folder)).length, 2);
  assert.equal((await namesIn(folder, join(folder, 'a'))).length, 2);
});

test('the fingerprint changes with names, sizes and times, and with nothing else', async (t) => {
  const fingerprint = async () => (await scanFolders([folder])).fingerprint;
  const folder = await folderOf(t, ['a.png', 'b.png']);
  const seen = new Set([await fingerprint()]);
  assert.ok(seen.has(await fingerprint()));
  await writeFile(join(folder, 'notes.txt'), '');
  assert.ok(seen.has(await fingerprint()));
  for (const change of [
    () => writeFile(join(folder, 'c.png'), ''),
    () => writeFile(join(folder, 'a.png'), 'longer'),
    () => utimes(join(folder, 'b.png'), 5, 5),
    () => symlink('nowhere', join(folder, 'd.png')),
  ]) {
    await change();
    const now = await fingerprint();
    assert.ok(!seen.has(now));
    seen.add(now);
  }
});

test('a folder that is none is an error', async (t) => {
  const folder = await folderOf(t, ['a.png']);
  for (const [path, message] of [
    [join(folder, 'b'), /b cannot be read: it is not there/],
    [join(folder, 'a.png'), /a\.png is no folder/],
  ] as const) {
    const { message: given, hint } = await failure(scanFolders([path]), 'ERR_MOCO_DATA');
    assert.match(given, message);
    assert.match(`${hint}`, /Name a folder/);
  }
});

test('a folder that ends as a picture does is a folder', async (t) => {
  const folder = temporaryFolder(t);
  await mkdir(join(folder, 'a.jpg'));
  await writeFile(join(folder, 'a.jpg/b.png'), '');
  assert.deepEqual(await namesIn(folder), ['a.jpg/b.png']);
});

test('the signal ends the search', async (t) => {
  const folder = await folderOf(t, ['a.png']);
  await failure(scanFolders([folder], AbortSignal.abort()), 'ERR_MOCO_ABORTED');
});
