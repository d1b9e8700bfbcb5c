import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const TESTS = 'native/test';

/** Fingerprints of the sources of the addon and of its C++ tests, as they are now. */
export function fingerprints(root: string): { sources: string; tests: string } {
  const native = filesBelow(root, 'native').sort();
  const isTest = (file: string) => file.startsWith(`${TESTS}/`);
  return {
    sources: fingerprint(root, [
      'CMakeLists.txt',
      ...native.filter((file) => !isTest(file)),
      // These stand for the build tool and the headers that come with the packages.
      'node_modules/cmake-js/package.json',
      'node_modules/node-addon-api/package.json',
    ]),
    tests: fingerprint(root, native.filter(isTest)),
  };
}

function filesBelow(root: string, folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    return entry.isDirectory() ? filesBelow(root, path) : [path];
  });
}

function fingerprint(root: string, files: readonly string[]): string {
  const hash = createHash('sha256');
  for (const file of files) {
    hash.update(`${file}\0`).update(readFileSync(join(root, file)));
  }
  return hash.digest('hex');
}
