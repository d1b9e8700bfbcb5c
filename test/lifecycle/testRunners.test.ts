import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { temporaryFolder } from '../support/temporaryFolder.js';
import { TINY_RUN } from '../support/tinyRun.js';

// What test runners do: Jest loads the package once for each file of tests, in a realm of its own,
// and drops the realm when the file's time is over, whatever runs there.

/** Trains in two realms of one process at once; a third one is dropped while it trains. */
const PROGRAM = `
import { importInOtherRealm } from ${JSON.stringify(new URL('../support/otherRealm.js', import.meta.url))};

const [recipe, out] = process.argv.slice(1);
const config = { ...JSON.parse(recipe), epochs: 1 };
const load = () => importInOtherRealm(import.meta.resolve('moco-node'));
const [first, second, third] = await Promise.all([load(), load(), load()]);

let begun;
const hasBegun = new Promise((resolve) => { begun = resolve; });
third.train({ ...config, epochs: 1000, out: out + '/third' }, {
  onEvent({ type }) { if (type === 'step') begun(); },
}).then(() => console.log('the third has ended'), (error) => console.log('the third', error));
await hasBegun;
const results = await Promise.all([
  first.train({ ...config, out: out + '/first' }),
  second.train({ ...config, out: out + '/second' }),
]);
console.log(first.MocoError === second.MocoError, ...results.map(({ best }) => best.epoch));
process.exit(0);
`;

test('one process loads the package several times, and ends while one of them trains', () => {
  const words = ['--no-warnings', '--experimental-vm-modules', '--input-type=module'];
  const given = [JSON.stringify(TINY_RUN), temporaryFolder()];
  const child = spawnSync(process.execPath, [...words, '-e', PROGRAM, ...given], {
    encoding: 'utf8',
    cwd: new URL('../../..', import.meta.url),
  });
  assert.equal(child.signal, null);
  assert.equal(child.status, 0, child.stderr);
  assert.equal(child.stdout, 'false 1 1\n');
});
