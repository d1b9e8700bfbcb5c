import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { packageRoot } from '#moco/packageRoot.js';

/** A module that prints, at the end, every shared library that the process has, on standard error. */
const PRINT_LIBRARIES = `data:text/javascript,${encodeURIComponent(`
  process.on('exit', () => process._rawDebug(process.report.getReport().sharedObjects.join('\\n')));
`)}`;

/** The libraries that a command loads. */
function librariesOf(...words: string[]): { status: number | null; libraries: string } {
  const command = [join(packageRoot, 'bin/moco.js'), ...words];
  const { status, stderr } = spawnSync(
    process.execPath,
    ['--import', PRINT_LIBRARIES, ...command],
    {
      cwd: packageRoot,
      encoding: 'utf8',
    },
  );
  return { status, libraries: stderr };
}

const MODEL = join(packageRoot, 'test/formats/state_dict.pth');

for (const words of [
  ['--help'],
  ['--version'],
  ['train', '--help'],
  ['train', '--print-config'],
  ['bench', '--help'],
  ['config', 'schema'],
  ['config', 'init'],
  ['inspect', MODEL],
]) {
  test(`moco ${words.join(' ').replace(MODEL, 'FILE')} loads no native code`, () => {
    const { status, libraries } = librariesOf(...words);
    assert.equal(status, 0);
    assert.match(libraries, /libc\b|libSystem/);
    assert.doesNotMatch(libraries, /\.node$|torch/m);
  });
}
