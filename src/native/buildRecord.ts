import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LibtorchPrefix } from './libtorchPrefix.js';
import type { Nvcc } from './nvcc.js';

/** What the addon in `build/native` was built from; written after a build, read at load. */
export interface BuildRecord {
  readonly libtorch: LibtorchPrefix;
  /** What was there to compile CUDA kernels with; null where nothing was, or LibTorch has no CUDA. */
  readonly nvcc: Nvcc | null;
  readonly platform: string;
  readonly arch: string;
  /** Of everything that the addon is compiled from. */
  readonly sources: string;
  /** Of the C++ tests; null where they were not built. */
  readonly tests: string | null;
}

/** Relative to the package's folder, like the two below. */
export const BUILD_FOLDER = 'build/native';
export const ADDON = join(BUILD_FOLDER, 'Release/moco.node');
export const NATIVE_TESTS = join(BUILD_FOLDER, 'Release/moco_tests');

const RECORD = join(BUILD_FOLDER, 'moco-build.json');
const TESTS = 'native/test';

/** The record of the last build that succeeded; undefined where there is none. */
export function readBuildRecord(root: string): BuildRecord | undefined {
  const file = join(root, RECORD);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as BuildRecord) : undefined;
}

/** Records a build that succeeded; by rename, so that a record is never half written. */
export function writeBuildRecord(root: string, record: BuildRecord): void {
  const file = join(root, RECORD);
  writeFileSync(`${file}.new`, `${JSON.stringify(record, null, 2)}\n`);
  renameSync(`${file}.new`, file);
}

/** To be called before a build: from then to its end, what is there matches no record. */
export function removeBuildRecord(root: string): void {
  rmSync(join(root, RECORD), { force: true });
}

/** Fingerprints of the sources of the addon and of its C++ tests, as they are now. */
export function fingerprints(root: string): { sources: string; tests: string } {
  const native = filesBelow(root, 'native').sort();
  const isTest = (file: string) => file.startsWith(`${TESTS}/`);
  return {
    sources: fingerprint(root, [
      'CMakeLists.txt',
      ...native.filter((file) => !isTest(file)),
      // The build tool and the headers that come with the packages.
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
