import assert from 'node:assert/strict';
import { appendFileSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { type Nvcc, readBuildRecord } from '#moco/native/buildRecord.js';
import { type BuildRequest, buildAddon, productsOf } from '#moco/setup/build.js';
import { fingerprints } from '#moco/setup/fingerprints.js';
import type { Host } from '#moco/setup/host.js';
import {
  bareHost,
  keptReport,
  writeCommand,
  writeFiles,
  writeLibtorch,
} from '../../support/fakeHost.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

/** Stands for cmake-js: keeps its arguments, and "builds" what it is told to. */
const FAKE_CMAKE_JS = `
const { appendFileSync, existsSync, mkdirSync, writeFileSync } = require('node:fs');
const [step, ...args] = process.argv.slice(2);
const value = (name) => args[args.indexOf(name) + 1];
const root = value('--directory'), out = value('--out');
appendFileSync(root + '/calls', [step, ...args].join(' ') + '\\n');
if (existsSync(root + '/fails')) {
  for (let line = 1; line <= 100; line++) console.log('line ' + line);
  console.error('moco.cc: error: expected a semicolon');
  process.exit(3);
}
const options = args.filter((arg) => arg.startsWith('--CD')).map((arg) => arg.slice(4));
if (step === 'configure') {
  const given = options.filter((option) => !option.endsWith('=')); // the real one drops empty ones
  const cache = given.map((option) => option.replace('=', ':UNINITIALIZED='));
  cache.push('CMAKE_HOME_DIRECTORY:INTERNAL=' + root, 'CMAKE_CXX_COMPILER:FILEPATH=' + value('--cxx'));
  writeFileSync(out + '/CMakeCache.txt', cache.join('\\n') + '\\n');
} else {
  mkdirSync(out + '/Release', { recursive: true });
  writeFileSync(out + '/Release/moco.node', '');
  writeFileSync(out + '/Release/loader.node', '');
  if (options.includes('MOCO_BUILD_TESTS=ON')) writeFileSync(out + '/Release/moco_tests', '');
}
`;

/** A package with sources, and a machine with all tools. */
function buildable(t: TestContext): { host: Host; request: BuildRequest; calls: () => string[] } {
  const folder = temporaryFolder(t);
  const root = join(folder, 'package');
  writeFiles(root, {
    'CMakeLists.txt': 'project(moco)',
    'native/core/contrast/moco.cc': 'int moco;',
    'native/test/contrast/moco_test.cc': 'int test;',
    'node_modules/cmake-js/package.json': '{}',
    'node_modules/cmake-js/bin/cmake-js': FAKE_CMAKE_JS,
    'node_modules/node-addon-api/package.json': '{}',
  });
  const host = bareHost(folder);
  writeCommand(host, 'cmake', 'echo cmake version 3.25.1');
  writeCommand(host, 'c++', 'echo "c++ (Debian 12.2.0-14) 12.2.0"');
  writeCommand(host, 'make', '');
  const prefix = writeLibtorch(join(folder, 'libtorch'), '2.13.0');
  const libtorch = { prefix, version: '2.13.0', cuda: false };
  const file = join(root, 'calls');
  const build = join(root, 'build/native');
  return {
    host,
    request: {
      ...{ root, folder: build, log: join(build, 'build.log'), libtorch, nvcc: undefined },
      ...{ sources: fingerprints(root).sources, tests: null },
    },
    calls: () => (existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : []),
  };
}

/** What is wanted of the same package after an edit. */
function afterEdit(request: BuildRequest): BuildRequest {
  const { sources, tests } = fingerprints(request.root);
  return { ...request, sources, tests: request.tests && tests };
}

test('a build records what it was made from', async (t) => {
  const { host, request, calls } = buildable(t);
  assert.equal(await buildAddon(request, host, keptReport()), true);
  const record = readBuildRecord(productsOf(request.folder));
  assert.deepEqual(record?.libtorch, { version: '2.13.0', cuda: false });
  assert.deepEqual([record?.platform, record?.arch, record?.tests], ['linux', 'x64', null]);
  const [configure = '', build = ''] = calls();
  assert.match(configure, new RegExp(`^configure .*--CDMOCO_LIBTORCH=${request.libtorch.prefix}`));
  assert.match(configure, /--CDMOCO_BUILD_TESTS=OFF/);
  assert.match(build, /^build .*--parallel \d+/);
});

test('how much is compiled is told, in the counts of make and of ninja', async (t) => {
  const { host, request } = buildable(t);
  writeFiles(request.root, {
    'node_modules/cmake-js/bin/cmake-js': `${FAKE_CMAKE_JS}
      if (step === 'build') console.log('[ 25%] Building CXX object\\n[3/4] Linking');`,
  });
  const told: (string | number | undefined)[] = [];
  const report = { line: () => {}, progress: (...given: typeof told) => told.push(...given) };
  await buildAddon(request, host, report);
  assert.deepEqual(told.slice(0, 2), ['addon: compiling, 25 %', 0.25]);
});

test('nothing is built twice, and that needs no tools', async (t) => {
  const { host, request, calls } = buildable(t);
  await buildAddon(request, host, keptReport());
  const withoutTools = bareHost(join(dirname(request.root), 'bare'));
  assert.equal(await buildAddon(request, withoutTools, keptReport()), false);
  assert.equal(calls().length, 2);
});

for (const file of [
  'CMakeLists.txt',
  'native/core/contrast/moco.cc',
  'native/core/new.h',
  'node_modules/node-addon-api/package.json',
]) {
  test(`a change of ${file} builds again, on top of what is there`, async (t) => {
    const { host, request } = buildable(t);
    await buildAddon(request, host, keptReport());
    writeFiles(request.root, { 'build/native/moco.o': 'compiled' });
    writeFiles(request.root, { [file]: '{ "changed": true }' });
    assert.equal(await buildAddon(afterEdit(request), host, keptReport()), true);
    assert.ok(existsSync(join(request.root, 'build/native/moco.o')));
  });
}

test('the C++ tests are built when they are asked for, and serve who does not ask', async (t) => {
  const { host, request, calls } = buildable(t);
  await buildAddon(request, host, keptReport());
  const withTests = { ...request, tests: fingerprints(request.root).tests };
  assert.equal(await buildAddon(withTests, host, keptReport()), true);
  assert.match(calls().at(-1) ?? '', /MOCO_BUILD_TESTS=ON/);
  assert.equal(await buildAddon(withTests, host, keptReport()), false);
  assert.equal(await buildAddon(request, host, keptReport()), false);
});

test('a change of a C++ test concerns only who runs the tests', async (t) => {
  const { host, request } = buildable(t);
  const withTests = { ...request, tests: fingerprints(request.root).tests };
  await buildAddon(withTests, host, keptReport());
  appendFileSync(join(request.root, 'native/test/contrast/moco_test.cc'), '// changed');
  assert.equal(await buildAddon(request, host, keptReport()), false);
  assert.equal(await buildAddon(afterEdit(withTests), host, keptReport()), true);
});

test('a product that was deleted is built again', async (t) => {
  const { host, request } = buildable(t);
  await buildAddon(request, host, keptReport());
  rmSync(join(request.root, 'build/native/Release/moco.node'));
  assert.equal(await buildAddon(request, host, keptReport()), true);
});

for (const [name, change] of [
  ['another version in the same folder', { version: '2.14.0' }],
  ['a CUDA build in the same folder', { cuda: true }],
] as const) {
  test(`another LibTorch (${name}) builds from scratch`, async (t) => {
    const { host, request } = buildable(t);
    await buildAddon(request, host, keptReport());
    writeFiles(request.root, { 'build/native/moco.o': 'compiled' });
    const libtorch = { ...request.libtorch, ...change };
    writeLibtorch(libtorch.prefix, libtorch.version);
    assert.equal(await buildAddon({ ...request, libtorch }, host, keptReport()), true);
    assert.ok(!existsSync(join(request.root, 'build/native/moco.o')));
    const { version, cuda } = libtorch;
    assert.deepEqual(readBuildRecord(productsOf(request.folder))?.libtorch, { version, cuda });
  });
}

test('a LibTorch in another folder builds from scratch, since tests are linked with that folder', async (t) => {
  const { host, request } = buildable(t);
  await buildAddon(request, host, keptReport());
  writeFiles(request.root, { 'build/native/moco.o': 'compiled' });
  const prefix = writeLibtorch(join(request.root, 'elsewhere'), '2.13.0');
  const moved = { ...request, libtorch: { ...request.libtorch, prefix } };
  assert.equal(await buildAddon(moved, host, keptReport()), true);
  assert.ok(!existsSync(join(request.root, 'build/native/moco.o')));
});

test('a LibTorch without headers is none to build against', async (t) => {
  const { host, request } = buildable(t);
  rmSync(join(request.libtorch.prefix, 'include/ATen'), { recursive: true });
  await assert.rejects(buildAddon(request, host, keptReport()), {
    code: 'ERR_MOCO_LIBTORCH_NOT_FOUND',
    message: /it has no include\/ATen\/ATen\.h/,
  });
});

test('a signal ends a build, and the programs that it has started', async (t) => {
  const { host, request } = buildable(t);
  const [started, ended] = [join(request.root, 'started'), join(request.root, 'ended')];
  const compiler = `
    const { writeFileSync } = require('node:fs');
    process.on('SIGTERM', () => { writeFileSync('${ended}', ''); process.exit(); });
    setInterval(() => {}, 1000);
    writeFileSync('${started}', '');`;
  writeFiles(request.root, {
    'node_modules/cmake-js/bin/cmake-js': `
      require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(compiler)}]);`,
  });
  const controller = new AbortController();
  const building = buildAddon(request, { ...host, signal: controller.signal }, keptReport());
  while (!existsSync(started)) await pause(10);
  controller.abort();
  await assert.rejects(building, { code: 'ERR_MOCO_ABORTED' });
  while (!existsSync(ended)) await pause(10);
});

/** An nvcc that compiles everything, or nothing. */
function nvccOf(host: Host, version: string, exitCode: number): Nvcc {
  const script = `echo "kernel.cu: error: unsupported GNU version!" >&2; exit ${exitCode}`;
  return { path: writeCommand(host, 'nvcc', script), version, architectures: '80;90a' };
}

test('kernels are compiled by the nvcc that is there, for the GPUs that it was told', async (t) => {
  const { host, request, calls } = buildable(t);
  const nvcc = nvccOf(host, '13.0.88', 0);
  const report = keptReport();
  await buildAddon({ ...request, nvcc }, host, report);
  const [configure = ''] = calls();
  assert.ok(configure.includes(`--CDMOCO_NVCC=${nvcc.path}`));
  assert.ok(configure.includes('--CDMOCO_CUDA_ARCHITECTURES=80;90a'));
  assert.match(report.lines[0] ?? '', /^CUDA kernels: compiled with nvcc 13\.0\.88/);
  assert.deepEqual(readBuildRecord(productsOf(request.folder))?.nvcc, nvcc);
});

test('an nvcc that does not take the C++ compiler is passed over, once', async (t) => {
  const { host, request, calls } = buildable(t);
  const nvcc = nvccOf(host, '11.8.89', 1);
  const report = keptReport();
  assert.equal(await buildAddon({ ...request, nvcc }, host, report), true);
  assert.match(calls()[0] ?? '', /--CDMOCO_NVCC= /);
  assert.match(report.lines[0] ?? '', /not compiled, nvcc 11\.8\.89 .*unsupported GNU version/);
  assert.equal(await buildAddon({ ...request, nvcc }, host, keptReport()), false);
});

test('an nvcc that appears, changes or goes builds from scratch', async (t) => {
  const { host, request } = buildable(t);
  await buildAddon(request, host, keptReport());
  const nvcc = nvccOf(host, '12.9.86', 0);
  for (const now of [nvcc, { ...nvcc, version: '13.0.88' }, undefined]) {
    writeFiles(request.root, { 'build/native/moco.o': 'compiled' });
    assert.equal(await buildAddon({ ...request, nvcc: now }, host, keptReport()), true);
    assert.ok(!existsSync(join(request.root, 'build/native/moco.o')));
  }
});

test('another compiler builds from scratch', async (t) => {
  const { host, request } = buildable(t);
  await buildAddon(request, host, keptReport());
  writeFiles(request.root, {
    'build/native/moco.o': 'compiled',
    'native/core/contrast/moco.cc': 'changed',
  });
  host.env.CXX = writeCommand(host, 'g++-13', 'echo "g++-13 (GCC) 13.2.0"');
  await buildAddon(afterEdit(request), host, keptReport());
  assert.ok(!existsSync(join(request.root, 'build/native/moco.o')));
});

test('a build that fails shows the end of its log, and leaves no record', async (t) => {
  const { host, request } = buildable(t);
  await buildAddon(request, host, keptReport());
  writeFiles(request.root, { fails: '', 'native/core/contrast/moco.cc': 'int moco' });
  await assert.rejects(buildAddon(afterEdit(request), host, keptReport()), (error: Error) => {
    assert.match(error.message, /Compiling the addon failed \(exit code 3\)/);
    assert.match(error.message, /error: expected a semicolon/);
    assert.match(error.message, /line 100/);
    assert.doesNotMatch(error.message, /line 50\n/);
    assert.equal((error as { code?: string }).code, 'ERR_MOCO_TOOLCHAIN');
    return true;
  });
  assert.equal(readBuildRecord(productsOf(request.folder)), undefined);
  assert.match(readFileSync(join(request.root, 'build/native/build.log'), 'utf8'), /line 1\n/);

  rmSync(join(request.root, 'fails'));
  assert.equal(await buildAddon(afterEdit(request), host, keptReport()), true);
});

test('where a tool is missing, nothing of an earlier build is touched', async (t) => {
  const { host, request } = buildable(t);
  await buildAddon(request, host, keptReport());
  writeFiles(request.root, { 'native/core/contrast/moco.cc': 'changed' });
  const withoutTools = bareHost(join(dirname(request.root), 'bare'));
  await assert.rejects(buildAddon(afterEdit(request), withoutTools, keptReport()), {
    code: 'ERR_MOCO_TOOLCHAIN',
  });
  assert.ok(readBuildRecord(productsOf(request.folder)));
});
