import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cpuKernels } from '#moco/doctor/machine.js';

/** Of a processor without AMX. */
const without = (cpuKernelsUnavailable: string, arch = 'x64') =>
  cpuKernels({ cpuKernelsUnavailable, usesAmx: false }, arch);

test("kernels of moco's own are told, and where a processor lacks them, why", () => {
  assert.equal(without('').state, 'good');
  assert.doesNotMatch(without('').message, /AMX/);
  const amx = cpuKernels({ cpuKernelsUnavailable: '', usesAmx: true }, 'x64');
  assert.match(amx.message, /, which use AMX$/);
  const old = without('the processor has no AVX-512');
  assert.equal(old.state, 'note');
  assert.match(old.message, /without moco's own .*: the processor has no AVX-512$/);
  assert.equal(old.hint, undefined);
  assert.match(without('ATEN_CPU_CAPABILITY is avx2').hint ?? '', /Unset/);
});

test('on a processor for which moco has no kernels of its own, their absence is no fault', () => {
  const arm = without('they are for x86 processors', 'arm64');
  assert.equal(arm.state, 'good');
  assert.match(arm.message, /they are for x86 processors$/);
});
