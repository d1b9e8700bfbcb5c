import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cpuKernels } from '#moco/doctor/machine.js';

test("kernels of moco's own are told, and where a processor lacks them, why", () => {
  assert.equal(cpuKernels('', 'x64').state, 'good');
  const old = cpuKernels('the processor has no AVX-512', 'x64');
  assert.equal(old.state, 'note');
  assert.match(old.message, /without moco's own .*: the processor has no AVX-512$/);
  assert.equal(old.hint, undefined);
  assert.match(cpuKernels('ATEN_CPU_CAPABILITY is avx2', 'x64').hint ?? '', /Unset/);
});

test('on a processor for which moco has no kernels of its own, their absence is no fault', () => {
  const arm = cpuKernels('they are for x86 processors', 'arm64');
  assert.equal(arm.state, 'good');
  assert.match(arm.message, /they are for x86 processors$/);
});
