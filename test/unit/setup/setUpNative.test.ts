import assert from 'node:assert/strict';
import { existsSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { ADDON, LOADER } from '#moco/native/buildRecord.js';
import { findAddon, loadAddonOf } from '#moco/native/load.js';
import { cachedAddon } from '#moco/setup/addonCache.js';
import { setUpNative } from '#moco/setup/setUpNative.js';
import { keptReport, writeCommand, writeFiles, writeLibtorch } from '../../support/fakeHost.js';
import { type PublishedPackage, publishedPackage } from '../../support/publishedPackage.js';
import { compileLibrary } from '../../support/sharedLibrary.js';

const SKIPPED = process.platform === 'linux' ? false : 'the fakes are libraries of Linux';

/** Sets a package up and returns what the user is told, with the result. */
async function setUp({ root, host }: PublishedPackage) {
  const report = keptReport();
  const result = await setUpNative(root, false, host, report);
  return { ...result, lines: report.lines };
}

test('a platform package needs no tools, and is copied into the cache', {
  skip: SKIPPED,
}, async (t) => {
  const installed = publishedPackage(t);
  const folder = installed.addPlatformPackage();
  const { addon, changed, lines } = await setUp(installed);
  assert.equal(dirname(addon), installed.cache);
  assert.match(addon, /addon-0\.1\.0-linux-\w+-abcdef01-torch2\.13$/);
  assert.equal(changed, true);
  assert.ok(lines.includes(`addon: taken from ${folder}`));
  assert.deepEqual(loadAddonOf(installed.root, installed.host), {});
  rmSync(folder, { recursive: true });
  const again = await setUp(installed);
  assert.deepEqual([again.addon, again.changed], [addon, false]);
});

test('without a platform package the addon is built, and nothing else is left', {
  skip: SKIPPED,
}, async (t) => {
  const installed = publishedPackage(t);
  installed.addTools();
  const { addon, changed } = await setUp(installed);
  assert.equal(changed, true);
  assert.deepEqual(installed.calls(), ['configure', 'build']);
  assert.deepEqual(readdirSync(addon).sort(), [LOADER, 'moco-build.json', ADDON]);
  assert.deepEqual(readdirSync(installed.cache).length, 2, 'the addon and the record');
  assert.ok(!existsSync(join(installed.root, 'build')), 'nothing is written into the package');
});

test('another copy of the package finds what the first has set up', {
  skip: SKIPPED,
}, async (t) => {
  const [first, second] = [publishedPackage(t), publishedPackage(t)];
  first.addPlatformPackage();
  const { addon } = await setUp(first);
  assert.equal(findAddon(second.root, first.host).folder, addon);
});

test('a cache that was moved is found whole', { skip: SKIPPED }, async (t) => {
  const installed = publishedPackage(t);
  installed.addPlatformPackage();
  const inside = join(installed.cache, 'libtorch-of-ours/torch');
  writeLibtorch(inside, '2.13.0');
  for (const name of ['libc10.so', 'libtorch_cpu.so']) {
    renameSync(join(installed.libtorch, 'lib', name), join(inside, 'lib', name));
  }
  installed.host.env.LIBTORCH = inside;
  await setUp(installed);
  const moved = `${installed.cache}-moved`;
  renameSync(installed.cache, moved);
  const host = { ...installed.host, env: { MOCO_CACHE: moved } };
  assert.equal(
    findAddon(installed.root, host).libtorch.prefix,
    join(moved, 'libtorch-of-ours/torch'),
  );
  assert.deepEqual(loadAddonOf(installed.root, host), {});
});

for (const [what, different, reason] of [
  ['of other sources', { sources: 'other' }, /it was built from other sources/],
  ['for another processor', { cpu: 'other' }, /it was built for linux-other/],
  [
    'for another LibTorch',
    { version: '2.12.1' },
    /it was built for LibTorch 2\.12, and here is 2\.13/,
  ],
] as const) {
  test(`a platform package ${what} is passed over, and said so`, { skip: SKIPPED }, async (t) => {
    const installed = publishedPackage(t);
    installed.addPlatformPackage(different);
    installed.addTools();
    const { lines } = await setUp(installed);
    assert.match(lines.join('\n'), new RegExp(`passed over moco-node-linux-.*: ${reason.source}`));
    assert.deepEqual(installed.calls(), ['configure', 'build']);
  });
}

test('a platform package that cannot be loaded here gives way to a build', {
  skip: SKIPPED,
}, async (t) => {
  const installed = publishedPackage(t);
  installed.addPlatformPackage({ addon: 'int nothing;' });
  installed.addTools();
  const { lines } = await setUp(installed);
  assert.match(lines.join('\n'), /addon: made anew, since it cannot be loaded: for a reason that/);
  assert.deepEqual(loadAddonOf(installed.root, installed.host), {});
});

/** An addon that ends the process that loads it, as one does whose file was cut short. */
const DEADLY = '__attribute__((constructor)) static void end(void) { __builtin_trap(); }';

test('a platform package that ends the process that loads it gives way to a build', {
  skip: SKIPPED,
}, async (t) => {
  const installed = publishedPackage(t);
  installed.addPlatformPackage({ addon: DEADLY });
  installed.addTools();
  const { lines } = await setUp(installed);
  assert.match(lines.join('\n'), /addon: made anew, since .* ends a process that loads it \(SIG/);
  assert.deepEqual(loadAddonOf(installed.root, installed.host), {});
});

test('where a new addon ends the process as well, the error names the LibTorch', {
  skip: SKIPPED,
}, async (t) => {
  const installed = publishedPackage(t);
  installed.addTools();
  compileLibrary(join(installed.root, 'ready', ADDON), DEADLY);
  await assert.rejects(setUp(installed), {
    code: 'ERR_MOCO_NATIVE_MISSING',
    hint: new RegExp(`LibTorch may be damaged.*${installed.libtorch}`),
  });
  assert.throws(() => findAddon(installed.root, installed.host), {
    code: 'ERR_MOCO_NATIVE_MISSING',
  });
});

test('a LibTorch that ends the process is told, and no addon is built for it', {
  skip: SKIPPED,
}, async (t) => {
  const installed = publishedPackage(t);
  installed.addPlatformPackage();
  installed.addTools();
  compileLibrary(join(installed.libtorch, 'lib/libtorch_cpu.so'), DEADLY);
  await assert.rejects(setUp(installed), {
    code: 'ERR_MOCO_LIBTORCH_MISMATCH',
    message: new RegExp(`LibTorch 2\\.13\\.0 .*${installed.libtorch} ends a process that opens it`),
  });
  assert.deepEqual(installed.calls(), []);
});

test('a damaged addon in the cache is made anew', { skip: SKIPPED }, async (t) => {
  const installed = publishedPackage(t);
  installed.addPlatformPackage();
  const { root, host } = installed;
  const libtorch = { prefix: installed.libtorch, version: '2.13.0', cuda: false };
  // Not yet loaded: the system would not open it a second time in this process.
  const { folder } = await cachedAddon({ root, libtorch, nvcc: undefined }, host, keptReport());
  writeFileSync(join(folder, ADDON), 'damaged'.repeat(1000));
  const { lines, changed } = await setUp(installed);
  assert.match(lines.join('\n'), /addon: made anew, .* it is damaged/);
  assert.equal(changed, true);
  assert.deepEqual(installed.calls(), [], 'taken from the platform package again');
});

test('a build that fails says where its log is, leaves nothing else, and is tried again', {
  skip: SKIPPED,
}, async (t) => {
  const installed = publishedPackage(t);
  installed.addTools();
  writeFiles(installed.root, { fails: '' });
  await assert.rejects(setUp(installed), {
    code: 'ERR_MOCO_TOOLCHAIN',
    message: /error: no semicolon/,
    hint: new RegExp(`^The whole log is ${installed.cache}/addon-.*\\.log\\.$`),
  });
  const [log = '', ...others] = readdirSync(installed.cache);
  assert.match(log, /\.log$/);
  assert.deepEqual(others, []);
  rmSync(join(installed.root, 'fails'));
  await setUp(installed);
  assert.ok(!existsSync(join(installed.cache, log)));
});

test('without tools and platform package the error names the tools', {
  skip: SKIPPED,
}, async (t) => {
  await assert.rejects(setUp(publishedPackage(t)), {
    code: 'ERR_MOCO_TOOLCHAIN',
    message: /CMake.*compiler.*make/,
  });
});

/** Makes the LibTorch a CUDA build, and puts CUDA's compiler on the machine. */
function addCuda({ host, libtorch }: PublishedPackage): void {
  host.env.CUDACXX = writeCommand(host, 'nvcc', 'echo "release 13.0, V13.0.88"');
  for (const name of ['torch_cuda', 'c10_cuda']) {
    compileLibrary(join(libtorch, `lib/lib${name}.so`), `int ${name} = 1;`);
  }
}

test('with nvcc but no other tools, a platform package serves without kernels', {
  skip: SKIPPED,
}, async (t) => {
  const installed = publishedPackage(t);
  installed.addPlatformPackage();
  addCuda(installed);
  const { addon, lines } = await setUp(installed);
  assert.match(lines.join('\n'), /CUDA kernels: not compiled, that needs CMake/);
  assert.doesNotMatch(addon, /-cuda$/);
});

test('with nvcc and all tools, the addon is built with kernels, and lies beside one without', {
  skip: SKIPPED,
}, async (t) => {
  const installed = publishedPackage(t);
  installed.addPlatformPackage();
  const { addon } = await setUp(installed);
  installed.addTools();
  addCuda(installed);
  const withKernels = await setUp(installed);
  assert.equal(withKernels.addon, `${addon}-cuda`);
  assert.deepEqual(installed.calls(), ['configure', 'build']);
  assert.ok(existsSync(addon));
});
