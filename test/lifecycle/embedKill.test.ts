import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { train } from 'moco-node';
import { interruptedMoco, killedUntilDone, startMoco } from '../support/killing.js';
import { runMoco } from '../support/moco.js';
import { writeFiles, writePictures } from '../support/pictureFolder.js';
import { temporaryFolder } from '../support/temporaryFolder.js';
import { TINY_RUN } from '../support/tinyRun.js';

/** How many times runs are killed: `npm run test:kill` takes more. */
const KILLS = Number(process.env.MOCO_KILLS ?? 4);

/** Several batches. */
const PICTURES = 800;

const folder = temporaryFolder();
const pictures = join(folder, 'pictures');
let model: string;

/** About how many seconds a run takes; kills are spread over them. */
let duration: number;

before(async () => {
  const out = join(folder, 'model');
  model = (await train({ ...TINY_RUN, epochs: 1, out })).files.model;
  const names = Array.from(
    { length: PICTURES },
    (_, number) => `class ${number % 3}/${number}.png`,
  );
  await writePictures(pictures, names, 32);
  await writeFiles(pictures, { 'class 1/400.5.png': 'no picture' });
});

/** The command that writes features, or goes on. */
function words(name: string): string[] {
  const options = ['--labels', 'folders', '--threads', '1', '--out', join(folder, name)];
  return ['embed', '--model-path', model, '--data', pictures, ...options];
}

for (const format of ['safetensors', 'parquet']) {
  test(`features in ${format} that are killed ${KILLS} times are those of one run, byte for byte`, async () => {
    const [whole, killed] = [`whole.${format}`, `killed.${format}`];
    const begin = performance.now();
    assert.equal(await (await startMoco(words(whole))).ended, 0);
    duration = (performance.now() - begin) / 1000;
    const expected = await readFile(join(folder, whole));
    for (let kills = 0; kills < KILLS; ) {
      kills += await killedUntilDone(
        () => startMoco(words(killed)),
        KILLS - kills,
        duration / 2,
        () => existsSync(join(folder, killed)),
      );
      assert.ok((await readFile(join(folder, killed))).equals(expected));
      await rm(join(folder, killed));
      // Of a kill between the file's appearance and the end.
      for (const left of ['part.jsonl', 'running.json']) {
        await rm(join(folder, `${killed}.${left}`), { force: true });
      }
    }
    await rm(join(folder, whole));
    assert.deepEqual((await readdir(folder)).sort(), ['model', 'pictures']);
  });
}

test('Ctrl-C ends a run, says how to go on, and going on ends it', async () => {
  const stderr = await interruptedMoco(words('stopped.npy'));
  assert.match(
    stderr,
    /was stopped after \d+ of 801 pictures\nThe same command goes on from there\./,
  );
  assert.equal(runMoco(folder, words('stopped.npy')).status, 0);
});
