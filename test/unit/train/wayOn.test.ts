import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { MocoError } from '#moco/error.js';
import { wayOn, withWayOn } from '#moco/train/wayOn.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

test('a shell reads the directory as it is called', () => {
  for (const directory of ['results/128_4096_0.5', "/data/my runs/it's $HOME", 'ä b']) {
    const script = `moco() { printf '%s|' "$@"; }; ${wayOn(directory)}`;
    const { stdout } = spawnSync('sh', ['-c', script], { encoding: 'utf8' });
    assert.equal(stdout, `train|--resume|${directory}|`);
  }
  assert.equal(wayOn('results/P'), 'moco train --resume results/P');
});

test('an error that passes says how to go on, where there is a checkpoint', async (context) => {
  const directory = temporaryFolder(context);
  const full = new MocoError('ERR_MOCO_OUTPUT', 'cannot write x', { hint: 'Free some space.' });
  assert.equal(withWayOn(full, directory), full);
  await writeFile(join(directory, 'checkpoint.previous.safetensors'), '');
  const { code, message, hint } = withWayOn(full, directory);
  assert.deepEqual([code, message], [full.code, full.message]);
  const then = `Then go on from the newest checkpoint with: ${wayOn(directory)}`;
  assert.equal(hint, `Free some space.\n${then}`);
  assert.equal(withWayOn(new MocoError('ERR_MOCO_OUT_OF_MEMORY', 'x'), directory).hint, then);
  const bad = new MocoError('ERR_MOCO_NON_FINITE', 'the loss is NaN');
  assert.equal(withWayOn(bad, directory), bad);
});
