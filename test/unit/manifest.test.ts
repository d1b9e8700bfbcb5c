import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { packageRoot } from '#moco/packageRoot.js';
import { platformPackageName } from '#moco/setup/platformPackage.js';

const read = (file: string) => JSON.parse(readFileSync(join(packageRoot, file), 'utf8'));

/** By architecture, as Node calls it; all of them are for Linux. */
const PLATFORM_PACKAGES = ['x64', 'arm64'].map((arch) =>
  platformPackageName({ platform: 'linux', arch }),
);

test('platform packages are optional dependencies, in exactly the version of the package', () => {
  const { version, optionalDependencies } = read('package.json');
  const expected = Object.fromEntries(PLATFORM_PACKAGES.map((name) => [name, version]));
  assert.deepEqual(optionalDependencies, expected);
});

test('package-lock.json has them, without which npm ci ends', () => {
  const { version } = read('package.json');
  const { packages } = read('package-lock.json');
  for (const name of PLATFORM_PACKAGES) {
    const { version: locked, optional, os } = packages[`node_modules/${name}`] ?? {};
    assert.deepEqual([locked, optional, os], [version, true, ['linux']], name);
  }
  assert.equal(packages[''].version, version);
});
