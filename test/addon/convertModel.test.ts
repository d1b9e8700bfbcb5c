import assert from 'node:assert/strict';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { convertModel } from '#moco/index.js';
import { writeZeros } from '../support/safetensorsFile.js';
import { temporaryFolder } from '../support/temporaryFolder.js';

/** How often several conversions are let loose on one path. */
const ROUNDS = 20;

const folder = temporaryFolder();
const inputs = [300, 200, 100].map((rows) => ({ rows, path: join(folder, `${rows}.safetensors`) }));
before(async () => {
  for (const { rows, path } of inputs) await writeZeros(path, [{ name: 'w', shape: [rows, 1000] }]);
});

for (const ending of ['.pth', '.safetensors']) {
  const output = join(folder, `out${ending}`);

  const allAtOnce = (force: boolean) =>
    Promise.allSettled(inputs.map(({ path }) => convertModel(path, output, { force })));

  /** What each input becomes when nobody else writes there. */
  const wholeFiles = async () => {
    const files: Buffer[] = [];
    for (const { path } of inputs) {
      await convertModel(path, output, { force: true });
      files.push(await readFile(output));
    }
    await rm(output);
    return files;
  };

  const temporaryFiles = async () =>
    (await readdir(folder)).filter((name) => name.endsWith('.tmp'));

  test(`of several conversions to one new ${ending}, one is done and the others are refused`, async () => {
    const whole = await wholeFiles();
    for (let round = 0; round < ROUNDS; round++) {
      const results = await allAtOnce(false);
      const done = results.findIndex(({ status }) => status === 'fulfilled');
      assert.ok((await readFile(output)).equals(whole[done] as Buffer));
      const refusals = results.filter((result) => result.status === 'rejected');
      assert.equal(refusals.length, inputs.length - 1);
      for (const { reason } of refusals) {
        assert.equal(reason.code, 'ERR_MOCO_OUTPUT', reason);
        assert.equal(reason.message, `${output} exists already and was not changed`);
      }
      await rm(output);
    }
    assert.deepEqual(await temporaryFiles(), []);
  });

  test(`several conversions that replace one ${ending} leave one of their files, whole`, async () => {
    const whole = await wholeFiles();
    for (let round = 0; round < ROUNDS; round++) {
      const results = await allAtOnce(true);
      assert.ok(results.every(({ status }) => status === 'fulfilled'));
      const left = await readFile(output);
      assert.ok(whole.some((file) => file.equals(left)));
    }
    assert.deepEqual(await temporaryFiles(), []);
  });
}
