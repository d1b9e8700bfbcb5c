import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  ADDON,
  type BuildRecord,
  ENVIRONMENT,
  readBuildRecord,
  writeBuildRecord,
} from '#moco/native/buildRecord.js';
import { loadAddonOf } from '#moco/native/load.js';
import { cannotBeLoaded } from '#moco/native/loadFailure.js';
import { packageRoot } from '#moco/packageRoot.js';
import { writeFiles, writeLibtorch } from '../../support/fakeHost.js';
import { copyEnvironment } from '../../support/nativeBuild.js';
import { PERMISSION } from '../../support/permissionModel.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

const { platform, arch } = process;

/** A package with a fake addon that says it was built against a fake LibTorch. */
function builtPackage(t: TestContext): { root: string; prefix: string; record: BuildRecord } {
  const root = temporaryFolder(t);
  const prefix = writeLibtorch(join(root, 'libtorch'), '2.13.0');
  for (const name of ['c10', 'torch', 'torch_cpu']) {
    writeFiles(prefix, { [`lib/lib${name}.dylib`]: '' });
  }
  const libtorch = { prefix, version: '2.13.0', cuda: false };
  const record = { libtorch, nvcc: null, platform, arch, sources: 'abc', tests: null };
  writeFiles(root, { [ADDON]: '' });
  copyEnvironment(root);
  writeBuildRecord(root, record);
  return { root, prefix, record };
}

/** Compiles a shared library; `uses` are others that it is linked with. */
function compileLibrary(file: string, source: string, uses: string[] = []): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.cc`, source);
  const compiler = process.env.CXX ?? 'c++';
  execFileSync(compiler, ['-shared', '-fPIC', '-o', file, `${file}.cc`, ...uses]);
}

test('an addon that was never built is an error that says how to build it', (t) => {
  const root = temporaryFolder(t);
  assert.throws(() => loadAddonOf(root), {
    code: 'ERR_MOCO_NATIVE_MISSING',
    message: /is not built/,
    hint: new RegExp(`npm run setup --prefix ${root}`),
  });
});

test('an addon without the record of a finished build is not loaded', (t) => {
  const root = temporaryFolder(t);
  writeFiles(root, { [ADDON]: '' });
  assert.throws(() => loadAddonOf(root), { code: 'ERR_MOCO_NATIVE_MISSING' });
});

test('a record without its addon is an addon that is not built', (t) => {
  const { root } = builtPackage(t);
  rmSync(join(root, ADDON));
  assert.throws(() => loadAddonOf(root), { code: 'ERR_MOCO_NATIVE_MISSING' });
});

for (const machine of [{ arch: 's390x' }, { platform: 'aix' }]) {
  test(`an addon that was built for ${Object.values(machine)} is named as such`, (t) => {
    const { root, record } = builtPackage(t);
    const other = { ...record, ...machine };
    writeBuildRecord(root, other);
    assert.throws(() => loadAddonOf(root), {
      code: 'ERR_MOCO_NATIVE_MISSING',
      message: new RegExp(
        `built for ${other.platform}-${other.arch}, and this is Node .* for ${platform}-${arch}`,
      ),
      hint: /^1\. Build it here: .*\n2\. /,
    });
  });
}

test('a build from before the library that sets the environment is not complete', (t) => {
  if (platform !== 'linux') return t.skip('only Linux has that library');
  const { root } = builtPackage(t);
  rmSync(join(root, ENVIRONMENT));
  assert.throws(() => loadAddonOf(root), {
    code: 'ERR_MOCO_NATIVE_MISSING',
    message: /no complete build of .*environment\.node/,
  });
});

test('a LibTorch that is gone is named with its version and folder', (t) => {
  const { root, prefix } = builtPackage(t);
  rmSync(prefix, { recursive: true });
  assert.throws(() => loadAddonOf(root), {
    code: 'ERR_MOCO_LIBTORCH_MISMATCH',
    message: new RegExp(`LibTorch 2\\.13\\.0 \\(CPU\\) in ${prefix}.*there is no such folder`),
    hint: /^1\. .*npm run setup.*\n2\. .*put LibTorch 2\.13\.0 back/,
  });
});

test('a LibTorch that was replaced by another version is a mismatch of both', (t) => {
  const { root, prefix } = builtPackage(t);
  writeLibtorch(prefix, '2.14.0');
  assert.throws(() => loadAddonOf(root), {
    code: 'ERR_MOCO_LIBTORCH_MISMATCH',
    message: /built against LibTorch 2\.13\.0 .*it is version 2\.14\.0 now/,
  });
});

test('a LibTorch that lost a library is a mismatch that names the library', (t) => {
  const { root, prefix } = builtPackage(t);
  const suffix = platform === 'darwin' ? 'dylib' : 'so';
  rmSync(join(prefix, `lib/libtorch_cpu.${suffix}`));
  assert.throws(() => loadAddonOf(root), {
    code: 'ERR_MOCO_LIBTORCH_MISMATCH',
    message: /it has no lib\/libtorch_cpu/,
  });
});

test('an addon that is damaged is to be built from scratch', (t) => {
  const { root } = builtPackage(t);
  writeFiles(root, { [ADDON]: 'damaged'.repeat(1000) });
  assert.throws(() => loadAddonOf(root), {
    code: 'ERR_MOCO_NATIVE_MISSING',
    message: new RegExp(`damaged or not for ${platform}-${arch}`),
    hint: /^Build it again: rm -r .*build\/native && npm run setup/,
  });
});

test('a shared library that the addon misses is named', (t) => {
  const { root } = builtPackage(t);
  const library = join(root, 'libmissing.so');
  compileLibrary(library, 'int answer() { return 42; }');
  compileLibrary(
    join(root, ADDON),
    'int answer(); extern "C" int napi_register_module_v1() { return answer(); }',
    [library],
  );
  renameSync(library, `${library}.away`);
  assert.throws(() => loadAddonOf(root), {
    code: 'ERR_MOCO_LIBTORCH_MISMATCH',
    message:
      /cannot be loaded: the shared library \S*libmissing\.so is missing.\nTried .*moco\.node/,
    hint: /^1\. .*pip install --force-reinstall torch==2\.13\.0\n2\. Build it against another/,
  });
});

/** What Linux and macOS say where loading fails, and what the user reads. */
const SAYINGS = [
  {
    saying: 'libcudnn.so.9: cannot open shared object file: No such file or directory',
    code: 'ERR_MOCO_LIBTORCH_MISMATCH',
    reason: 'the shared library libcudnn.so.9 is missing',
  },
  {
    saying: 'libgomp.so.1: cannot open shared object file: No such file or directory',
    code: 'ERR_MOCO_NATIVE_MISSING',
    reason: 'the shared library libgomp.so.1 is missing',
  },
  {
    saying: 'dlopen(moco.node, 0x0001): Library not loaded: @rpath/libc10.dylib\n Reason: tried',
    code: 'ERR_MOCO_LIBTORCH_MISMATCH',
    reason: 'the shared library @rpath/libc10.dylib is missing',
  },
  {
    saying: 'moco.node: undefined symbol: _ZN2at4_ops3add4callE',
    code: 'ERR_MOCO_LIBTORCH_MISMATCH',
    reason: 'does not have the symbol _ZN2at4_ops3add4callE',
  },
  {
    saying: "dlopen(moco.node): symbol not found in flat namespace '__ZN2at4_ops3add4callE'",
    code: 'ERR_MOCO_LIBTORCH_MISMATCH',
    reason: 'does not have the symbol __ZN2at4_ops3add4callE',
  },
  {
    saying: "libstdc++.so.6: version `GLIBCXX_3.4.32' not found (required by moco.node)",
    code: 'ERR_MOCO_NATIVE_MISSING',
    reason: 'built on a newer system: .* lack GLIBCXX_3.4.32',
  },
  {
    saying: "(mach-o file, but is an incompatible architecture (have 'x86_64', need 'arm64'))",
    code: 'ERR_MOCO_NATIVE_MISSING',
    reason: 'damaged or not for',
  },
  {
    saying: 'libtorch.so: cannot open shared object file: Too many open files',
    code: 'ERR_MOCO_LIMIT',
    reason: 'too many files are open',
  },
  {
    saying: 'libtorch_cpu.so: failed to map segment from shared object',
    code: 'ERR_MOCO_OUT_OF_MEMORY',
    reason: 'no memory left to load LibTorch into',
  },
  {
    saying: 'moco.node: failed to map segment from shared object: Operation not permitted',
    code: 'ERR_MOCO_NATIVE_MISSING',
    reason: 'nothing may be executed \\(noexec\\)',
  },
  {
    saying: 'Module did not self-register',
    code: 'ERR_MOCO_NATIVE_MISSING',
    reason: 'for a reason that moco does not know',
  },
];

for (const { saying, code, reason } of SAYINGS) {
  test(`"${saying.slice(0, 60)}" is explained, and quoted`, (t) => {
    const { root, record } = builtPackage(t);
    const error = cannotBeLoaded(root, join(root, ADDON), record, new Error(saying));
    assert.equal(error.code, code);
    assert.match(error.message, new RegExp(reason));
    assert.ok(error.message.includes(`The system said: ${saying}`));
    assert.ok(error.hint);
  });
}

/** What a Node with options of its own says to a program that loads this package's addon. */
function loadWith(options: readonly string[]): string {
  const program = `
    const { loadAddon } = await import(${JSON.stringify(import.meta.resolve('#moco/native/load.js'))});
    try { loadAddon(); } catch ({ code, message, hint }) { console.log(code, message, hint); }
  `;
  const words = [...options, '--input-type=module', '--eval', program];
  return execFileSync(process.execPath, words, { encoding: 'utf8', stdio: 'pipe' });
}

test('a Node that loads no addons is told apart from a broken build', () => {
  const said = loadWith(['--no-addons']);
  assert.match(said, /^ERR_MOCO_NATIVE_MISSING .*this Node was told to load no addons/);
  assert.match(said, /without Node's --no-addons/);
  assert.doesNotMatch(said, /npm run setup|rm -r/);
});

test("what Node's permission model keeps from the addon is named, with the flags to give", () => {
  const prefix = readBuildRecord(packageRoot)?.libtorch.prefix;
  const ownFiles = [PERMISSION, `--allow-fs-read=${packageRoot}/*`];
  const kept = new RegExp(`this process read ${prefix}.*--allow-addons.*--allow-fs-read=${prefix}`);
  assert.match(loadWith(ownFiles), kept);
  const allFiles = [...ownFiles, `--allow-fs-read=${prefix}/*`];
  assert.match(loadWith(allFiles), /told to load no addons.* Node's --allow-addons/s);
  assert.equal(loadWith([...allFiles, '--allow-addons']), '');
});

test('a variable that may bring in the wrong libraries is named first', (t) => {
  const { root, record } = builtPackage(t);
  const before = process.env.LD_LIBRARY_PATH;
  t.after(() => {
    if (before === undefined) delete process.env.LD_LIBRARY_PATH;
    else process.env.LD_LIBRARY_PATH = before;
  });
  process.env.LD_LIBRARY_PATH = '/of/another/torch';
  const error = new Error('moco.node: undefined symbol: _ZN2at4_ops3add4callE');
  assert.match(
    cannotBeLoaded(root, join(root, ADDON), record, error).hint ?? '',
    /^1\. Unset LD_LIBRARY_PATH, .*\/of\/another\/torch\n2\. Build it again/,
  );
});
