import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import type { DoctorReport } from 'moco-node';
import type { NativeHardware } from '#moco/native/machine.js';
import { packageRoot } from '#moco/packageRoot.js';
import { temporaryFolder } from '../support/temporaryFolder.js';
import { TINY_RUN } from '../support/tinyRun.js';

const WITHOUT = /^ {8}without moco's own kernels for BatchNorm and convolutions \(slower\): (.*)$/m;

const moco = join(packageRoot, 'bin/moco.js');

/** Runs `node` with these words, in this environment beside the process's own. */
function node(env: Record<string, string>, words: readonly string[]) {
  const options = { cwd: packageRoot, env: { ...process.env, ...env }, encoding: 'utf8' } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, words, options);
  return { status, stdout, stderr };
}

function hardware(env: Record<string, string>): NativeHardware {
  const load = `import { loadAddon } from '#moco/native/load.js';
    console.log(JSON.stringify(loadAddon().hardware()))`;
  const { stdout, stderr } = node(env, ['--input-type=module', '-e', load]);
  assert.notEqual(stdout, '', stderr);
  return JSON.parse(stdout);
}

/** The words of a training of one epoch. */
function training(out: string, changes: object = {}): string[] {
  const settings = Object.entries({ ...TINY_RUN, epochs: 1, out, ...changes });
  return [moco, 'train', ...settings.flatMap(([key, value]) => ['--set', `${key}=${value}`])];
}

/** Why this processor has no kernels of moco's own; undefined where it has them. */
const lacking = hardware({ ATEN_CPU_CAPABILITY: 'avx512' }).cpuKernelsUnavailable || undefined;

test("what ATEN_CPU_CAPABILITY keeps from LibTorch, moco's own kernels do not use either", () => {
  for (const capability of ['avx2', 'default']) {
    const { cpuKernelsUnavailable } = hardware({ ATEN_CPU_CAPABILITY: capability });
    assert.equal(cpuKernelsUnavailable, lacking ?? `ATEN_CPU_CAPABILITY is ${capability}`);
  }
});

test('what ONEDNN_MAX_CPU_ISA keeps from oneDNN, our kernels do not use either', () => {
  const withoutAmx = hardware({ ONEDNN_MAX_CPU_ISA: 'AVX512_CORE_BF16' });
  assert.equal(withoutAmx.usesAmx, false);
  assert.equal(withoutAmx.cpuKernelsUnavailable, lacking ?? '');
  const { usesAmx } = hardware({});
  assert.equal(hardware({ ONEDNN_MAX_CPU_ISA: 'AVX512_CORE_AMX' }).usesAmx, usesAmx);
});

test('a run and doctor say that they do without those kernels', (t) => {
  if (process.arch !== 'x64') return t.skip('moco has kernels of its own for x86 processors only');
  const env = { ATEN_CPU_CAPABILITY: 'avx2' };
  const reason = lacking ?? 'ATEN_CPU_CAPABILITY is avx2';
  const run = node(env, training(temporaryFolder(t)));
  assert.deepEqual([run.status, run.stderr], [0, '']);
  assert.equal(WITHOUT.exec(run.stdout)?.[1], reason);
  const report: DoctorReport = JSON.parse(node(env, [moco, 'doctor', '--json']).stdout);
  const finding = report.findings.find(({ subject }) => subject === 'CPU kernels');
  assert.equal(finding?.facts?.unavailable, reason);
});

test('where oneDNN may not compute in bf16, auto is fp32, and bf16 is refused', (t) => {
  if (process.arch !== 'x64') return t.skip('ONEDNN_MAX_CPU_ISA is for x86 processors');
  const env = { ONEDNN_MAX_CPU_ISA: 'AVX2' };
  const out = temporaryFolder(t);
  const auto = node(env, training(out));
  assert.equal(auto.status, 0, auto.stderr);
  assert.match(auto.stdout, /^ {8}fp32: /m);
  const refused = node(env, training(out, { precision: 'bf16' }));
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /precision "bf16" cannot be used: .* \[ERR_MOCO_DEVICE\]/);
});
