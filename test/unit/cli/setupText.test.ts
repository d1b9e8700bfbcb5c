import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cacheLines, prunedLines, setupLines } from '#moco/cli/setupText.js';

const ENTRIES = [
  { path: '/c/libtorch-2.13.0', kind: 'LibTorch', bytes: 500 * 2 ** 20, isUsed: true },
  { path: '/c/addon-0.0.9', kind: 'addon', bytes: 3 * 2 ** 20, isUsed: false },
  { path: '/c/clang-format-22', kind: 'other', bytes: 9 * 2 ** 20, isUsed: false },
] as const;

test('a set-up ends with what moco computes with', () => {
  const libtorch = { prefix: '/c/torch', version: '2.13.0', cuda: true };
  assert.deepEqual(setupLines({ addon: '/c/addon', libtorch, changed: true }), [
    'moco is set up: LibTorch 2.13.0 (CUDA) in /c/torch',
    '                the addon in /c/addon',
  ]);
});

test('the cache is a table, and says what pruning would bring', () => {
  assert.deepEqual(
    cacheLines(ENTRIES),
    [
      'path                     what      size         ',
      '/c/libtorch-2.13.0   LibTorch   500 MiB   in use',
      '/c/addon-0.0.9          addon     3 MiB         ',
      '/c/clang-format-22      other     9 MiB         ',
      'moco setup --prune removes what is not in use, 3 MiB.',
    ].map((line) => line.trimEnd()),
  );
});

test('an empty cache is said to be so', () => {
  assert.deepEqual(cacheLines([]), ['Nothing was set up yet.']);
});

test('what was removed is named, and summed up', () => {
  assert.deepEqual(prunedLines([ENTRIES[1]]), ['removed /c/addon-0.0.9', '1 removed, 3 MiB']);
});
