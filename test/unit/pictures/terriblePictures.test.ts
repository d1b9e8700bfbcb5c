import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { checkPictures } from '#moco/pictures/checkPictures.js';
import { inspectPictures } from '#moco/pictures/inspectPictures.js';
import { openPacked } from '#moco/pictures/openPacked.js';
import { packPictures } from '#moco/pictures/packPictures.js';
import { failure } from '../../support/failure.js';
import { runMoco } from '../../support/moco.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';
import { makeTerriblePictures } from '../../support/terriblePictures.js';

const folder = temporaryFolder();
const pictures = join(folder, 'pictures');
const { readable, broken } = await makeTerriblePictures(pictures);
const out = join(folder, 'pictures.moco');

test('a folder of terrible files ends in a pack of what can be read, and a list of the rest', async () => {
  const summary = await packPictures([pictures], out, { storedSize: 16, imageSize: 16 });
  assert.equal(summary.count, readable);
  const reasons = Object.fromEntries(summary.broken.map(({ name, reason }) => [name, reason]));
  assert.deepEqual(Object.keys(reasons).sort(), Object.keys(broken).sort());
  for (const [name, reason] of Object.entries(broken)) assert.match(reasons[name] ?? '', reason);
  assert.match(summary.notices.join(), /passed over.*1 \.db, 1 \.txt|passed over/);
  assert.equal((await checkPictures(out)).intact, true);
});

test('names of any bytes are there as text, in the order of their bytes', async () => {
  const names = await (await openPacked(out)).names();
  assert.equal(names.length, readable);
  assert.ok(names.includes('good/new\nline.png'));
  assert.ok(names.includes('good/caf\\xe9\\xff.png'));
  assert.ok(names.includes('links/file.png'));
  assert.ok(names.every((name) => !/hidden|again|parent|self/.test(name)));
});

test('what is told of it is harmless on a terminal', () => {
  const { status, stdout } = runMoco(folder, ['data', 'info', 'pictures.moco']);
  assert.equal(status, 0);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not be there
  assert.doesNotMatch(stdout, /[\u0000-\u0009\u000b-\u001f]/);
  assert.match(stdout, new RegExp(`broken, and left out: ${Object.keys(broken).length}`));
  assert.match(stdout, /duplicates {2}\d+ files/);
});

test('reading the folder tells the same as the packed file', async () => {
  const rules = { storedSize: 16, imageSize: 16 };
  const { paths: _, ...ofFolder } = await inspectPictures([pictures], rules);
  const { paths: __, ...ofFile } = await inspectPictures([out]);
  assert.deepEqual(ofFolder, ofFile);
});

test('with strict, such a folder is refused, and the error names files', async () => {
  const strict = packPictures([pictures], join(folder, 'strict.moco'), { strict: true });
  const { message } = await failure(strict, 'ERR_MOCO_DATA');
  assert.match(message, new RegExp(`pictures: ${Object.keys(broken).length} broken\n`));
  assert.match(message, /broken\/begin\.jpg: damaged/);
});
