import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { packageRoot } from '#moco/packageRoot.js';

const scripts = pathToFileURL(join(packageRoot, 'scripts/check-cuda/')).href;
const { parsePtxas, shortName } = await import(`${scripts}ptxas.mjs`);
const { limitProblem } = await import(`${scripts}limits.mjs`);

/** As nvcc 13.0 prints it; the second kernel spills. */
const OUTPUT = `ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function '_Z5applyv' for 'sm_90a'
ptxas info    : Function properties for _Z5applyv
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 64 registers, used 0 barriers
ptxas info    : Compile time = 104.373 ms
ptxas info    : Compiling entry function '_Z10statisticsv' for 'sm_80'
ptxas info    : Function properties for _Z10statisticsv
    16 bytes stack frame, 24 bytes spill stores, 28 bytes spill loads
ptxas info    : Used 128 registers, used 1 barriers, 16 bytes cumulative stack size, 8708 bytes smem, 488 bytes cmem[0]
`;

test('registers, spills and shared memory are read from what ptxas prints', () => {
  assert.deepEqual(parsePtxas(OUTPUT), [
    {
      symbol: '_Z5applyv',
      architecture: 'sm_90a',
      registers: 64,
      stack: 0,
      spills: 0,
      shared: 0,
    },
    {
      symbol: '_Z10statisticsv',
      architecture: 'sm_80',
      registers: 128,
      stack: 16,
      spills: 52,
      shared: 8708,
    },
  ]);
});

test('names are those of the source', () => {
  const name = shortName(
    'void moco::cuda::(anonymous namespace)::apply<(moco::Epilogue)1, __nv_bfloat16, 8>' +
      '(__nv_bfloat16 const*, moco::cuda::RowGrid, unsigned char*)',
  );
  assert.equal(name, 'apply<epilogue 1, bf16, 8>');
  assert.equal(shortName('moco::(anonymous namespace)::probe()'), 'probe');
  const views = 'moco::cuda::(anonymous namespace)::';
  assert.equal(
    shortName(`void ${views}makeView<unsigned char>(${views}Batch<unsigned char>)`),
    'makeView<unsigned char>',
  );
});

test('a kernel may neither spill nor take more registers than its limit, and must have one', () => {
  assert.equal(limitProblem('apply<float, 4>', { registers: 128, spills: 0 }), undefined);
  assert.match(limitProblem('apply<float, 4>', { registers: 129, spills: 0 }), /more than 128/);
  assert.match(limitProblem('apply<float, 4>', { registers: 128, spills: 4 }), /spills 4 bytes/);
  assert.match(limitProblem('another', { registers: 8, spills: 0 }), /no limit/);
});
