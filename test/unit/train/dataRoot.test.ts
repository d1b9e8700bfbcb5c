import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { movedDataRoot } from '#moco/train/dataRoot.js';
import { failure } from '../../support/failure.js';
import { SMALL100, writeCifar } from '../../support/smallCifar.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';
import { trainConfig } from '../../support/trainerDouble.js';

const [home, elsewhere] = [temporaryFolder(), temporaryFolder()];

/** A checkpoint of a run that was started in `folder`, with relative paths. */
function startedIn(folder: string, out = 'results') {
  const config = trainConfig({ dataset: 'cifar100', dataRoot: 'data', out });
  return { config, directory: resolve(folder, out, 'run') };
}

const settings = { dataset: 'cifar100', dataRoot: 'data' } as const;

test('the data root of a run that starts, or goes on where it was started, is as given', async () => {
  const here = join(elsewhere, 'data');
  assert.deepEqual(await movedDataRoot(undefined, settings, here), {});
  assert.deepEqual(await movedDataRoot(startedIn(elsewhere), settings, here), {});
});

test('a data set that lies in the working folder is taken', async (t) => {
  const folder = await writeCifar(SMALL100, join(elsewhere, 'data'));
  t.after(() => rmSync(folder, { recursive: true }));
  await writeCifar(SMALL100, join(home, 'data'));
  assert.deepEqual(await movedDataRoot(startedIn(home), settings, join(elsewhere, 'data')), {});
});

test('a data set is found where the folder of the run lies to it', async () => {
  await writeCifar(SMALL100, join(home, 'data'));
  for (const out of ['results', '.', './results/of/mine']) {
    const moved = await movedDataRoot(startedIn(home, out), settings, join(elsewhere, 'data'));
    assert.deepEqual(moved, { dataRoot: join(home, 'data') }, out);
  }
});

test('where it is nowhere, the error names both places and the flag', async () => {
  const here = join(elsewhere, 'data');
  const empty = temporaryFolder();
  const { message, hint } = await failure(
    movedDataRoot(startedIn(empty), settings, here),
    'ERR_MOCO_DATA',
  );
  assert.equal(
    message,
    `cifar100, the data set of the run that goes on, is not in ${here}, nor in ${join(empty, 'data')}`,
  );
  assert.ok(hint?.includes(`--data-root ${here} it is downloaded`), hint);
  for (const out of ['/runs', '../runs']) {
    const unknown = await failure(movedDataRoot(startedIn(empty, out), settings, here));
    assert.ok(unknown.message.endsWith(`is not in ${here}`), unknown.message);
  }
});

test('a data root that is given anew, or is absolute, is left as it is', async () => {
  const empty = startedIn(temporaryFolder());
  for (const dataRoot of ['other', join(elsewhere, 'data')]) {
    assert.deepEqual(await movedDataRoot(empty, { ...settings, dataRoot }, dataRoot), {});
  }
});

test('shapes lie nowhere', async () => {
  const run = startedIn(temporaryFolder());
  const shapes = { ...settings, dataset: 'shapes' } as const;
  assert.deepEqual(await movedDataRoot(run, shapes, join(elsewhere, 'data')), {});
});
