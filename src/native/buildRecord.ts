import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LibtorchBuild } from './libtorchPrefix.js';

/** NVIDIA's CUDA compiler, and what our kernels are compiled for with it. */
export interface Nvcc {
  readonly path: string;
  /** E.g. `13.0.88`. */
  readonly version: string;
  /** As CMake takes them, e.g. `90a` or `80;90a`. */
  readonly architectures: string;
}

/** What an addon was built from; lies beside it, and is written after all else. */
export interface BuildRecord {
  readonly libtorch: LibtorchBuild;
  /** What was there to compile CUDA kernels with; null where nothing was, or LibTorch has no CUDA. */
  readonly nvcc: Nvcc | null;
  readonly platform: string;
  readonly arch: string;
  /** Fingerprint of everything that the addon is compiled from. */
  readonly sources: string;
  /** Fingerprint of the C++ tests; null where they were not built. */
  readonly tests: string | null;
}

/** The files in an addon's folder, beside the record. */
export const ADDON = 'moco.node';
/** Loaded before the addon: sets the process's environment, and opens LibTorch. */
export const LOADER = 'loader.node';
export const NATIVE_TESTS = 'moco_tests';

export const BUILD_RECORD = 'moco-build.json';

/** The record of the last build in a folder that succeeded; undefined where there is none. */
export function readBuildRecord(folder: string): BuildRecord | undefined {
  return readRecord(join(folder, BUILD_RECORD)) as BuildRecord | undefined;
}

/** What a file of JSON holds; undefined where there is none, or a damaged one, which is as good. */
export function readRecord(file: string): unknown {
  if (!existsSync(file)) return undefined;
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Records a build that succeeded; by rename, so that a record is never half written. */
export function writeBuildRecord(folder: string, record: BuildRecord): void {
  const file = join(folder, BUILD_RECORD);
  writeFileSync(`${file}.new`, `${JSON.stringify(record, null, 2)}\n`);
  renameSync(`${file}.new`, file);
}

/** Removes the record before a build: until that has ended, no record matches what is there. */
export function removeBuildRecord(folder: string): void {
  rmSync(join(folder, BUILD_RECORD), { force: true });
}
