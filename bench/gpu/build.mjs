#!/usr/bin/env node
// Builds the addon, the C++ tests and the benchmark of single kernels in an unpacked bundle, whose
// packages and TypeScript are ready. Goes on with what an earlier call has built.
//
//   node bench/gpu/build.mjs --out DIR
//
// Writes compiler.log. Where our CUDA kernels do not compile, all else is built without them.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { CLONE_BUILD } from '../../dist/native/setUpRecord.js';
import { packageRoot } from '../../dist/packageRoot.js';
import { fingerprints } from '../../dist/setup/fingerprints.js';
import { thisHost } from '../../dist/setup/host.js';
import { streamReport } from '../../dist/setup/report.js';
import { setUpNative } from '../../dist/setup/setUpNative.js';

/** Has the fingerprint of the sources whose kernels did not compile. */
const KERNELS_FAILED = join(packageRoot, 'build/kernels-failed');

const { values: options } = parseArgs({ options: { out: { type: 'string' } } });
const host = thisHost();
const jobs = `${availableParallelism()}`;

/** Builds all but the benchmark of kernels; keeps what the compiler said, which the next build deletes. */
async function build(env, log) {
  const all = { CMAKE_BUILD_PARALLEL_LEVEL: jobs, ...host.env, ...env };
  try {
    await setUpNative(packageRoot, true, { ...host, env: all }, streamReport(process.stderr));
  } finally {
    const written = join(packageRoot, CLONE_BUILD, 'build.log');
    if (existsSync(written)) copyFileSync(written, join(options.out, log));
  }
}

/** Kernels that do not compile here must not cost what works without them. */
async function buildWithoutFailingKernels() {
  const { sources } = fingerprints(packageRoot);
  const failed = existsSync(KERNELS_FAILED) && readFileSync(KERNELS_FAILED, 'utf8') === sources;
  if (!failed) {
    try {
      return await build({}, 'compiler.log');
    } catch (error) {
      if (error.code !== 'ERR_MOCO_TOOLCHAIN') throw error;
      console.error(`${error.message}\nWithout CUDA kernels:`);
    }
  }
  await build({ MOCO_CUDA_KERNELS: '0' }, 'compiler-without-kernels.log');
  writeFileSync(KERNELS_FAILED, sources);
}

await buildWithoutFailingKernels();
const folder = join(packageRoot, CLONE_BUILD);
const { status } = spawnSync(
  'cmake',
  ['--build', folder, '--parallel', jobs, '--target', 'kernels_bench'],
  { stdio: 'inherit' },
);
if (status !== 0) console.error('kernels_bench was not built; the steps that need it will fail');
