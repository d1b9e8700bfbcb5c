import assert from 'node:assert/strict';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { inspectPrefix } from '#moco/native/libtorchPrefix.js';
import { activePython } from '#moco/setup/activePython.js';
import { cacheFolder } from '#moco/setup/host.js';
import { findLibtorch } from '#moco/setup/libtorch.js';
import { wheelEntry } from '#moco/setup/libtorchCache.js';
import {
  bareHost,
  keptReport,
  writeCommand,
  writeFiles,
  writeLibtorch,
  writePython,
} from '../../support/fakeHost.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

const LINUX = { platform: 'linux', arch: 'x64' };

test('a folder with headers and libraries is a LibTorch, and its version is read from the headers', (t) => {
  const prefix = writeLibtorch(temporaryFolder(t), '2.12.1');
  assert.deepEqual(inspectPrefix(prefix, LINUX).libtorch, {
    prefix,
    version: '2.12.1',
    cuda: false,
  });
});

test('a LibTorch with libtorch_cuda is a CUDA build', (t) => {
  const prefix = writeLibtorch(temporaryFolder(t), '2.13.0');
  writeFiles(prefix, { 'lib/libtorch_cuda.so': '' });
  assert.equal(inspectPrefix(prefix, LINUX).libtorch?.cuda, true);
});

test('on macOS the libraries are dylibs', (t) => {
  const prefix = writeLibtorch(temporaryFolder(t), '2.13.0');
  const macos = { platform: 'darwin', arch: 'arm64' };
  assert.match(inspectPrefix(prefix, macos).problem ?? '', /no lib\/libtorch_cpu\.dylib/);
  writeFiles(prefix, { 'lib/libc10.dylib': '', 'lib/libtorch.dylib': '' });
  writeFiles(prefix, { 'lib/libtorch_cpu.dylib': '' });
  assert.equal(inspectPrefix(prefix, macos).libtorch?.version, '2.13.0');
});

for (const version of ['1.13.0', '2.10.1', '2.15.0', '3.11.0']) {
  test(`LibTorch ${version} is rejected by its version`, (t) => {
    const prefix = writeLibtorch(temporaryFolder(t), version);
    assert.equal(
      inspectPrefix(prefix, LINUX).problem,
      `it is version ${version}; moco needs 2.11 to 2.14`,
    );
  });
}

for (const version of ['2.11.0', '2.14.3']) {
  test(`LibTorch ${version} is accepted`, (t) => {
    const prefix = writeLibtorch(temporaryFolder(t), version);
    assert.equal(inspectPrefix(prefix, LINUX).libtorch?.version, version);
  });
}

test('an old release is named by its version where its headers lie elsewhere', (t) => {
  const prefix = temporaryFolder(t);
  writeFiles(prefix, { 'build-version': '1.13.1+cpu\n' });
  assert.match(inspectPrefix(prefix, LINUX).problem ?? '', /version 1\.13\.1/);
});

test('what a folder lacks of a LibTorch is named', (t) => {
  const prefix = writeLibtorch(temporaryFolder(t), '2.13.0');
  rmSync(join(prefix, 'lib/libtorch_cpu.so'));
  rmSync(join(prefix, 'include/ATen/ATen.h'));
  assert.equal(
    inspectPrefix(prefix, LINUX).problem,
    'it has no include/ATen/ATen.h, no lib/libtorch_cpu.so',
  );
});

test('a LibTorch for another processor is rejected', (t) => {
  const prefix = writeLibtorch(temporaryFolder(t), '2.13.0');
  const elf = Buffer.alloc(64);
  elf.write('\x7fELF', 'latin1');
  elf.writeUInt16LE(0xb7, 18);
  writeFileSync(join(prefix, 'lib/libc10.so'), elf);
  assert.equal(
    inspectPrefix(prefix, LINUX).problem,
    'its libraries are for arm64, and this Node is for x64',
  );
  assert.equal(inspectPrefix(prefix, { ...LINUX, arch: 'arm64' }).problem, undefined);
});

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

test('torch is looked up in Python without importing it', (t) => {
  const folder = temporaryFolder(t);
  writeFiles(folder, { 'site/torch/__init__.py': 'raise SystemExit("imported")' });
  const host = bareHost(folder, {
    PATH: process.env.PATH,
    PYTHONPATH: join(folder, 'site'),
  });
  assert.equal(activePython(host)?.torch, join(folder, 'site/torch'));
});

test('a Python without torch is still the active Python', (t) => {
  const folder = temporaryFolder(t);
  const host = bareHost(folder);
  writePython(host, {});
  assert.deepEqual(activePython(host), {
    executable: join(folder, 'bin/python3'),
    torch: undefined,
  });
});

test('the active virtual environment comes before PATH', (t) => {
  const folder = temporaryFolder(t);
  const host = bareHost(folder, { VIRTUAL_ENV: join(folder, 'venv') });
  writePython(host, { torch: '/of/path' });
  writePython(bareHost(join(folder, 'venv')), { torch: '/of/venv' });
  renameSync(join(folder, 'venv/bin/python3'), join(folder, 'venv/bin/python'));
  assert.equal(activePython(host)?.torch, '/of/venv');
});

test('a python3 that does not run is passed over for the next command', (t) => {
  const host = bareHost(temporaryFolder(t));
  writePython(host, { torch: '/of/python' });
  const python = join(host.env.PATH ?? '', 'python');
  renameSync(`${python}3`, python);
  writeCommand(host, 'python3', 'exit 127');
  assert.equal(activePython(host)?.torch, '/of/python');
});

test('where no Python runs there is no active Python', (t) => {
  assert.equal(activePython(bareHost(temporaryFolder(t))), undefined);
});

test('the cache is in $MOCO_CACHE, else in $XDG_CACHE_HOME, else where the platform keeps caches', (t) => {
  const host = bareHost(temporaryFolder(t));
  const env = { HOME: '/home/me' };
  assert.equal(
    cacheFolder({ ...host, env: { ...env, MOCO_CACHE: '/c', XDG_CACHE_HOME: '/x' } }),
    '/c',
  );
  assert.equal(cacheFolder({ ...host, env: { ...env, XDG_CACHE_HOME: '/x' } }), '/x/moco');
  assert.equal(cacheFolder({ ...host, env }), '/home/me/.cache/moco');
  assert.equal(cacheFolder({ ...host, env, platform: 'darwin' }), '/home/me/Library/Caches/moco');
});
