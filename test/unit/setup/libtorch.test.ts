import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { findLibtorch } from '#moco/setup/libtorch.js';
import { wheelEntry } from '#moco/setup/libtorchCache.js';
import {
  bareHost,
  keptReport,
  writeFiles,
  writeLibtorch,
  writePython,
} from '../../support/fakeHost.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

test('$LIBTORCH comes before the active Python and the cache', async (t) => {
  const folder = temporaryFolder(t);
  const prefix = writeLibtorch(join(folder, 'mine'), '2.14.0');
  const host = bareHost(folder, { LIBTORCH: prefix });
  writePython(host, { torch: writeLibtorch(join(folder, 'site/torch'), '2.13.0') });
  const report = keptReport();
  assert.equal((await findLibtorch(host, report)).prefix, prefix);
  assert.deepEqual(report.lines, [`LibTorch 2.14.0 (CPU) from $LIBTORCH: ${prefix}`]);
});

test('a wrong $LIBTORCH is an error, not passed over', async (t) => {
  const folder = temporaryFolder(t);
  const host = bareHost(folder, { LIBTORCH: join(folder, 'nowhere') });
  writePython(host, { torch: writeLibtorch(join(folder, 'site/torch'), '2.13.0') });
  await assert.rejects(findLibtorch(host, keptReport()), {
    code: 'ERR_MOCO_LIBTORCH_NOT_FOUND',
    message: /^\$LIBTORCH is .*nowhere, .* there is no such folder/,
    hint: /include\/ and lib\//,
  });
});

test('a $LIBTORCH of a wrong version is an error that says which versions do', async (t) => {
  const folder = temporaryFolder(t);
  const host = bareHost(folder, { LIBTORCH: writeLibtorch(join(folder, 'old'), '1.13.0') });
  await assert.rejects(findLibtorch(host, keptReport()), {
    code: 'ERR_MOCO_LIBTORCH_NOT_FOUND',
    message: /version 1\.13\.0; moco needs 2\.11 to 2\.14/,
  });
});

test("the active Python's torch comes before the cache", async (t) => {
  const folder = temporaryFolder(t);
  const host = bareHost(folder);
  writeLibtorch(join(wheelEntry(host, 'cpu'), 'torch'), '2.13.0');
  const torch = writeLibtorch(join(folder, 'site/torch'), '2.12.0');
  writePython(host, { torch });
  const report = keptReport();
  assert.equal((await findLibtorch(host, report)).prefix, torch);
  assert.deepEqual(report.lines, [`LibTorch 2.12.0 (CPU) from the active Python: ${torch}`]);
});

test('an active Python whose torch is too old is passed over, and that is said', async (t) => {
  const folder = temporaryFolder(t);
  const host = bareHost(folder);
  const cached = writeLibtorch(join(wheelEntry(host, 'cpu'), 'torch'), '2.13.0');
  const torch = writeLibtorch(join(folder, 'site/torch'), '2.4.1');
  writePython(host, { torch });
  const report = keptReport();
  assert.equal((await findLibtorch(host, report)).prefix, cached);
  assert.deepEqual(report.lines, [
    `LibTorch: passed over ${torch}: it is version 2.4.1; moco needs 2.11 to 2.14`,
    `LibTorch 2.13.0 (CPU) from the cache: ${cached}`,
  ]);
});

test('the cache serves a machine without Python', async (t) => {
  const host = bareHost(temporaryFolder(t));
  const cached = writeLibtorch(join(wheelEntry(host, 'cpu'), 'torch'), '2.13.0');
  assert.equal((await findLibtorch(host, keptReport())).prefix, cached);
});

test('where there is an NVIDIA driver, a cached CUDA build comes first', async (t) => {
  const host = { ...bareHost(temporaryFolder(t)), nvidiaDriver: true };
  writeLibtorch(join(wheelEntry(host, 'cpu'), 'torch'), '2.13.0');
  const cuda = writeLibtorch(join(wheelEntry(host, 'cuda'), 'torch'), '2.13.0');
  writeFiles(cuda, { 'lib/libtorch_cuda.so': '' });
  assert.equal((await findLibtorch(host, keptReport())).prefix, cuda);
});

test('a cached CPU build on a machine with a driver is used, with a line on how to get CUDA', async (t) => {
  const host = { ...bareHost(temporaryFolder(t)), nvidiaDriver: true };
  const cached = writeLibtorch(join(wheelEntry(host, 'cpu'), 'torch'), '2.13.0');
  const report = keptReport();
  assert.equal((await findLibtorch(host, report)).prefix, cached);
  assert.match(report.lines[0] ?? '', /NVIDIA driver.*delete .* to try for a CUDA build/);
});
