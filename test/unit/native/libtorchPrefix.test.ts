import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { inspectPrefix, libraries, missingHeader } from '#moco/native/libtorchPrefix.js';
import { writeFiles, writeLibtorch } from '../../support/fakeHost.js';
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

test('a folder that is there and cannot be read is not said to be missing', (t) => {
  const file = join(temporaryFolder(t), 'file');
  writeFileSync(file, '');
  const inside = join(file, 'libtorch');
  assert.equal(inspectPrefix(inside, LINUX).problem, 'it cannot be read (ENOTDIR)');
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
  writeFiles(prefix, { 'lib/libc10.dylib': '' });
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
  for (const name of ['libc10.so', 'libtorch_cpu.so']) rmSync(join(prefix, 'lib', name));
  assert.equal(
    inspectPrefix(prefix, LINUX).problem,
    'it has no lib/libc10.so, no lib/libtorch_cpu.so',
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

test('a LibTorch without headers can be run with, and not built against', (t) => {
  const prefix = writeLibtorch(temporaryFolder(t), '2.13.0');
  assert.equal(missingHeader(prefix), undefined);
  writeFiles(prefix, { 'version.py': "__version__ = '2.13.0+cpu'" });
  rmSync(join(prefix, 'include'), { recursive: true });
  assert.equal(inspectPrefix(prefix, LINUX).libtorch?.version, '2.13.0');
  assert.equal(missingHeader(prefix), 'include/ATen/ATen.h');
});

test('libraries are opened before those that need them, and those for CUDA where they are there', () => {
  const libtorch = { prefix: '/t', version: '2.13.0', cuda: false };
  assert.deepEqual(libraries(libtorch, 'linux'), ['/t/lib/libc10.so', '/t/lib/libtorch_cpu.so']);
  assert.deepEqual(libraries({ ...libtorch, cuda: true }, 'linux').slice(2), [
    '/t/lib/libc10_cuda.so',
    '/t/lib/libtorch_cuda.so',
  ]);
  assert.deepEqual(libraries(libtorch, 'darwin')[0], '/t/lib/libc10.dylib');
});
