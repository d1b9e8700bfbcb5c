import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { temporaryFolder } from '../support/temporaryFolder.js';
import { TINY_RUN } from '../support/tinyRun.js';

/** Loads moco as Jest would, and prints how its functions fail. */
const PROGRAM = `
import { importInOtherRealm } from ${JSON.stringify(new URL('../support/otherRealm.js', import.meta.url))};

const { train, inspectFile, convertModel, MocoError } =
  await importInOtherRealm(import.meta.resolve('moco-node'));

async function failure(name, promise) {
  const error = await promise.then(() => 'none', (reason) => reason);
  console.log(name, error instanceof MocoError, error instanceof Error, error.code ?? String(error));
}

const [recipe, out] = process.argv.slice(1);
const config = { ...JSON.parse(recipe), epochs: 1, out };
await train(config);
const model = out + '/16_32_0.5_0.999_5_16_1_model.pth';
await failure('file', inspectFile(out + '/missing.pth'));
await failure('addon', convertModel(model, out + '/missing/model.pth'));
await failure('lock', train(config, { onEvent: async ({ type }) => {
  if (type === 'start') await train(config);
} }));
await failure('signal', train(config, { signal: AbortSignal.abort() }));
await failure('folder', train({ ...config, out: process.execPath }));
await failure('handler', train(config, { onEvent() { throw new RangeError('mine'); } }));
`;

test('in another realm, such as that of Jest, errors are MocoErrors all the same', () => {
  const words = ['--no-warnings', '--experimental-vm-modules', '--input-type=module'];
  const given = [JSON.stringify(TINY_RUN), temporaryFolder()];
  const child = spawnSync(process.execPath, [...words, '-e', PROGRAM, ...given], {
    encoding: 'utf8',
    cwd: new URL('../../..', import.meta.url),
  });
  assert.equal(child.status, 0, child.stderr);
  assert.deepEqual(child.stdout.trim().split('\n'), [
    'file true false ERR_MOCO_CHECKPOINT',
    'addon true false ERR_MOCO_OUTPUT',
    'lock true false ERR_MOCO_OUTPUT',
    'signal true false ERR_MOCO_ABORTED',
    'folder true false ERR_MOCO_OUTPUT',
    'handler false true RangeError: mine',
  ]);
});
