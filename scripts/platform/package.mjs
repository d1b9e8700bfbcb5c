import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BUILD_RECORD, readBuildRecord, writeBuildRecord } from '../../dist/native/buildRecord.js';
import { packageRoot as root } from '../../dist/packageRoot.js';
import { PLATFORM_FILES, platformPackageName } from '../../dist/setup/platformPackage.js';
import { neededSymbolVersions, textsThatName } from './binary.mjs';
import { stripFor } from './host.mjs';
import { readme } from './readme.mjs';

/** Where packages are written. */
export const PACKAGES = join(root, 'build/packages');

/**
 * Writes the platform package for a host.
 * @param products the folder with the addon and its record
 * @param libtorch what it was built against
 * @returns the package's folder, and what it needs of the system, as `neededSymbolVersions`
 */
export function writePackage(products, libtorch, host) {
  const name = platformPackageName(host);
  const folder = join(PACKAGES, name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const binaries = PLATFORM_FILES.map((file) => join(folder, file));
  for (const [index, file] of PLATFORM_FILES.entries()) {
    execFileSync(stripFor(host.arch), ['-o', binaries[index], join(products, file)]);
  }
  checkPaths(binaries, [root, libtorch.prefix]);
  const record = readBuildRecord(products);
  // No tests are in it, though they may have been built beside it.
  writeBuildRecord(folder, { ...record, tests: null });
  cpSync(join(root, 'LICENSE'), join(folder, 'LICENSE'));
  const described = manifest(name, host);
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(described, null, 2)}\n`);
  const needed = neededSymbolVersions(binaries);
  writeFileSync(join(folder, 'README.md'), readme(described, needed, libtorch.version));
  return { folder, needed };
}

/** Makes the tarball of a package; returns its path. */
export function pack(folder) {
  const args = ['pack', '--silent', '--pack-destination', PACKAGES];
  const printed = execFileSync('npm', args, { cwd: folder, encoding: 'utf8' });
  return join(PACKAGES, printed.trim().split('\n').at(-1));
}

/** Fails where the binaries tell of the machine that they were built on. */
function checkPaths(binaries, folders) {
  for (const file of binaries) {
    const found = textsThatName(folders, file);
    if (found.length > 0) throw new Error(`${file} names a folder of this machine: ${found[0]}`);
  }
}

/** What the package says of itself; npm installs it only where `os`, `cpu` and `libc` are as here. */
function manifest(name, { platform, arch }) {
  const { version, license, repository } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  );
  return {
    ...{ name, version, description: `The native addon of moco-node for ${platform}-${arch}` },
    ...{ license, repository, files: [...PLATFORM_FILES, BUILD_RECORD] },
    ...{ os: [platform], cpu: [arch], libc: ['glibc'] },
  };
}
