import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LibtorchPrefix } from './libtorchPrefix.js';

/** NVIDIA's CUDA compiler, and what our kernels are compiled for with it. */
export interface Nvcc {
  readonly path: string;
  /** E.g. `13.0.88`. */
  readonly version: string;
  /** As CMake takes them, e.g. `90a` or `80;90a`. */
  readonly architectures: string;
}

/** What the addon in `build/native` was built from; written after a build, read at load. */
export interface BuildRecord {
  readonly libtorch: LibtorchPrefix;
  /** What was there to compile CUDA kernels with; null where nothing was, or LibTorch has no CUDA. */
  readonly nvcc: Nvcc | null;
  readonly platform: string;
  readonly arch: string;
  /** Fingerprint of everything that the addon is compiled from. */
  readonly sources: string;
  /** Fingerprint of the C++ tests; null where they were not built. */
  readonly tests: string | null;
}

/** Relative to the package's folder, like the three below. */
export const BUILD_FOLDER = 'build/native';
export const ADDON = join(BUILD_FOLDER, 'Release/moco.node');
/** Puts variables into the environment of the process; built and loaded on Linux only. */
export const ENVIRONMENT = join(BUILD_FOLDER, 'Release/environment.node');
export const NATIVE_TESTS = join(BUILD_FOLDER, 'Release/moco_tests');

const RECORD = join(BUILD_FOLDER, 'moco-build.json');

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

/** Removes the record before a build: until that has ended, no record matches what is there. */
export function removeBuildRecord(root: string): void {
  rmSync(join(root, RECORD), { force: true });
}
