import assert from 'node:assert/strict';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { interruptedMoco, killedUntilDone, startMoco } from '../support/killing.js';
import { runMoco } from '../support/moco.js';
import { writePictures } from '../support/pictureFolder.js';
import { temporaryFolder } from '../support/temporaryFolder.js';

/** How many times packings are killed: `npm run test:kill` takes more. */
const KILLS = Number(process.env.MOCO_KILLS ?? 4);

const folder = temporaryFolder();
const pictures = join(folder, 'pictures');

/** About how many seconds a packing takes; kills are spread over them. */
let duration: number;
let expected: Buffer;

before(async () => {
  const names = Array.from({ length: 120 }, (_, number) => `class ${number % 3}/${number}.png`);
  await writePictures(pictures, names, 64);
  const begin = performance.now();
  assert.equal(await (await start('whole.moco')).ended, 0);
  duration = (performance.now() - begin) / 1000;
  expected = await readFile(join(folder, 'whole.moco'));
});

/** The command that packs, in blocks of 4 pictures, or goes on. */
function words(name: string): string[] {
  const options = ['--labels', 'folders', '--stored-size', '512', '--out', join(folder, name)];
  return ['data', 'pack', pictures, ...options];
}

const start = async (name: string) => await startMoco(words(name));

test(`a packing that is killed ${KILLS} times gives what an uninterrupted one gives, byte for byte`, async () => {
  for (let kills = 0; kills < KILLS; ) {
    kills += await killedUntilDone(() => start('killed.moco'), KILLS - kills, duration / 2);
    assert.ok((await readFile(join(folder, 'killed.moco'))).equals(expected));
    await rm(join(folder, 'killed.moco'));
  }
  assert.deepEqual((await readdir(folder)).sort(), ['pictures', 'whole.moco']);
});

test('Ctrl-C ends a packing, says how to go on, and going on ends it', async () => {
  const stderr = await interruptedMoco(words('stopped.moco'));
  assert.match(stderr, /was stopped after \d+ files\nThe same command goes on from there\./);
  assert.equal(runMoco(folder, words('stopped.moco')).status, 0);
});
