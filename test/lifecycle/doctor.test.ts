import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DoctorReport, Finding } from 'moco-node';
import { examine } from '#moco/doctor/doctor.js';
import { ADDON, writeBuildRecord } from '#moco/native/buildRecord.js';
import { findAddon } from '#moco/native/load.js';
import { writeSetUp } from '#moco/native/setUpRecord.js';
import { packageRoot } from '#moco/packageRoot.js';
import { addonFolder, copyLoader } from '../support/nativeBuild.js';

/** A copy of the package in which nothing is built. */
function unbuiltCopy(t: TestContext): string {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'moco-doctor-')));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  for (const path of ['bin', 'dist', 'recipes', 'package.json']) {
    cpSync(join(packageRoot, path), join(root, path), { recursive: true });
  }
  symlinkSync(join(packageRoot, 'node_modules'), join(root, 'node_modules'));
  mkdirSync(join(root, 'native/test'), { recursive: true }); // so it is a clone
  return root;
}

/** A copy with the real build's record, and an addon that does this when it is loaded. */
function copyWithAddon(t: TestContext, whenLoaded: string, libtorch?: string): string {
  const root = unbuiltCopy(t);
  const folder = addonFolder(root);
  copyLoader(root);
  const addon = join(folder, ADDON);
  const source = `#include <cstdlib>\nstruct Loaded { Loaded() { ${whenLoaded} } } loaded;\n`;
  writeFileSync(`${addon}.cc`, source);
  const compiler = process.env.CXX ?? 'c++';
  execFileSync(compiler, ['-shared', '-fPIC', '-o', addon, `${addon}.cc`]);
  const real = findAddon(packageRoot, process);
  writeBuildRecord(folder, real.record);
  const prefix = libtorch ?? real.libtorch.prefix;
  writeSetUp(root, process, { addon: folder, libtorch: { ...real.libtorch, prefix } });
  return root;
}

function doctor(
  root: string,
  env: Record<string, string> = {},
): { status: number | null; report: DoctorReport; stderr: string } {
  const words = [join(root, 'bin/moco.js'), 'doctor', '--json'];
  const { status, stdout, stderr } = spawnSync(process.execPath, words, {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  return { status, report: JSON.parse(stdout), stderr };
}

function find({ findings }: DoctorReport, subject: string): Finding | undefined {
  return findings.find((finding) => finding.subject === subject);
}

test('on this machine everything works, one real training step included', () => {
  const { status, report, stderr } = doctor(packageRoot);
  assert.deepEqual([status, stderr, report.healthy], [0, '', true]);
  assert.match(find(report, 'addon')?.message ?? '', /^loads in \d+\.\d\d s, with LibTorch 2\./);
  assert.match(find(report, 'start-up')?.message ?? '', /^moco --help takes \d+ ms/);
  assert.match(find(report, 'training')?.message ?? '', /works: .*loss \d/);
  assert.match(
    find(report, 'evaluation')?.message ?? '',
    /^convolutions with folded BatchNorm: fused \d+\.\d ms, plain \d+\.\d ms per \d+ pictures$/,
  );
  const { computeThreads, precision } = find(report, 'device')?.facts ?? {};
  assert.equal(typeof computeThreads, 'number');
  assert.match(String(precision), /^(fp32|bf16)$/);
});

test('the doctor says how many threads would compute, and what decides that', () => {
  const device = (value: string) =>
    find(doctor(packageRoot, { OMP_NUM_THREADS: value }).report, 'device')?.message;
  assert.match(
    device('3,2') ?? '',
    /; threads: \d+ to make views, 3 to compute, as OMP_NUM_THREADS says$/,
  );
  assert.match(
    device('all') ?? '',
    /to compute, [^;]+; OMP_NUM_THREADS is "all", which is no number from 1 to 1024$/,
  );
});

test('without the addon the doctor says how to build it, and ends with 1', (t) => {
  const root = unbuiltCopy(t);
  const { status, report, stderr } = doctor(root);
  assert.deepEqual([status, stderr, report.healthy], [1, '', false]);
  assert.equal(find(report, 'LibTorch')?.state, 'note');
  const addon = find(report, 'addon');
  assert.deepEqual([addon?.state, addon?.facts?.code], ['bad', 'ERR_MOCO_NATIVE_MISSING']);
  assert.equal(addon?.hint, `Build it, which needs a few minutes: npm run setup --prefix ${root}`);
  assert.equal(find(report, 'training'), undefined);
});

test('a LibTorch that has gone since the build is named, with what to do', (t) => {
  const root = copyWithAddon(t, '', '/there/is/no/libtorch');
  const { status, report } = doctor(root);
  assert.equal(status, 1);
  const addon = find(report, 'addon');
  assert.equal(addon?.facts?.code, 'ERR_MOCO_LIBTORCH_MISMATCH');
  assert.match(addon?.hint ?? '', /npm run setup/);
});

test('an addon that ends its process does not end the doctor', (t) => {
  const { status, report } = doctor(copyWithAddon(t, 'std::abort();'));
  assert.equal(status, 1);
  const addon = find(report, 'addon');
  assert.match(addon?.message ?? '', /a process that loaded the addon was ended by SIGABRT/);
  assert.match(addon?.hint ?? '', /Build the addon again, on this machine/);
});

test('what the doctor finds bad reads so, and the last line counts it', (t) => {
  const root = unbuiltCopy(t);
  const { status, stdout } = spawnSync(process.execPath, [join(root, 'bin/moco.js'), 'doctor'], {
    cwd: root,
    encoding: 'utf8',
  });
  assert.equal(status, 1);
  assert.match(stdout, /^ok {4}moco /m);
  assert.match(stdout, /^bad {3}addon +The native addon is not there: it was not set up yet/m);
  assert.match(stdout, /\nmoco does not work: 1 problem\.\n$/);
});

test('a signal ends the examination, also while it waits for a training step', async (t) => {
  const loading = join(realpathSync(tmpdir()), `moco-doctor-${process.pid}-loading`);
  t.after(() => rmSync(loading, { force: true }));
  const root = copyWithAddon(
    t,
    `std::system("touch ${loading}"); for (volatile int i = 0;; i = i);`,
  );
  const controller = new AbortController();
  const abortWhileLoading = async () => {
    while (!existsSync(loading)) await sleep(20);
    controller.abort();
  };
  const [error] = await Promise.all([
    examine(root, {}, { signal: controller.signal }).catch((reason: unknown) => reason),
    abortWhileLoading(),
  ]);
  assert.equal((error as { code?: unknown }).code, 'ERR_MOCO_ABORTED');
});
