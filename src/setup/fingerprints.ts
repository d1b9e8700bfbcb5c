import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { packageFolder } from './dependencies.js';

const TESTS = 'native/test';

/** Fingerprints of what a clone's addon and its C++ tests are built from, as it is now. */
export function fingerprints(root: string): { sources: string; tests: string } {
  // These stand for the build tool and the headers that come with the packages.
  const packages = ['cmake-js', 'node-addon-api'].map((name) => packageFolder(name, root));
  return {
    sources: fingerprint([
      ...sourceFiles(root),
      ...packages.map((folder) => join(folder, 'package.json')),
    ]),
    tests: fingerprint(filesBelow(join(root, TESTS))),
  };
}

/**
 * Fingerprint of what is published to build the addon from. The packages that it is built with have
 * no part in it, since every project has its own.
 */
export function publishedFingerprint(root: string): string {
  return fingerprint(sourceFiles(root));
}

function sourceFiles(root: string): string[] {
  const native = filesBelow(join(root, 'native'));
  const isTest = (file: string) => file.startsWith(join(root, TESTS));
  return [join(root, 'CMakeLists.txt'), ...native.filter((file) => !isTest(file))];
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** Of the contents, and of the names. */
function fingerprint(files: readonly string[]): string {
  const hash = createHash('sha256');
  for (const file of files) hash.update(`${basename(file)}\0`).update(readFileSync(file));
  return hash.digest('hex');
}
