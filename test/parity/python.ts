import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const python = process.env.MOCO_TEST_PYTHON ?? 'python3';
const PACKAGES = 'torch, numpy, safetensors';
const hasPackages = spawnSync(python, ['-c', `import ${PACKAGES}`]).status === 0;

/** Why tests that ask PyTorch are skipped; false where they run. */
export const skip = hasPackages
  ? false
  : `${python} has not all of ${PACKAGES} (MOCO_TEST_PYTHON names another)`;

/**
 * Runs a script of this folder and returns what it prints. Where the script fails, the test does.
 */
export function runPython(script: string, ...words: string[]): string {
  const path = fileURLToPath(new URL(`../../../test/parity/${script}`, import.meta.url));
  const { status, stdout, stderr } = spawnSync(python, [path, ...words], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return stdout;
}
