import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { executable } from '../support/moco.js';
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

/** Starts to pack, in blocks of 4 pictures, or goes on. */
async function start(name: string) {
  const options = ['--labels', 'folders', '--stored-size', '512', '--out', join(folder, name)];
  const words = [executable, 'data', 'pack', pictures, ...options];
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  const ended = once(child, 'exit').then(([status]) => {
    assert.ok(status === null || status === 0, stderr);
    return status as number | null;
  });
  await Promise.race([once(child.stderr, 'data'), ended]); // packing begins
  return { child, ended };
}

test(`a packing that is killed ${KILLS} times gives what an uninterrupted one gives, byte for byte`, async () => {
  for (let kills = 0; kills < KILLS; ) {
    for (let status: number | null = null; status === null; ) {
      const { child, ended } = await start('killed.moco');
      if (kills < KILLS) {
        await Promise.race([ended, sleep(500 * Math.random() * duration)]);
        if (child.exitCode === null) child.kill('SIGKILL');
      }
      status = await ended;
      if (status === null) kills++;
    }
    assert.ok((await readFile(join(folder, 'killed.moco'))).equals(expected));
    await rm(join(folder, 'killed.moco'));
  }
  assert.deepEqual((await readdir(folder)).sort(), ['pictures', 'whole.moco']);
});

test('Ctrl-C ends a packing, says how to go on, and going on ends it', async () => {
  const out = join(folder, 'stopped.moco');
  const words = [executable, 'data', 'pack', pictures, '--stored-size', '512', '--out', out];
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    if (stderr === '') child.kill('SIGINT');
    stderr += text;
  });
  assert.deepEqual(await once(child, 'close'), [130, null]);
  assert.match(stderr, /was stopped after \d+ files\nThe same command goes on from there\./);
  const again = spawn(process.execPath, words, { stdio: 'ignore' });
  assert.deepEqual(await once(again, 'close'), [0, null]);
});
