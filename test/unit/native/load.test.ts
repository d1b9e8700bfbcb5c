import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  ADDON,
  BUILD_RECORD,
  type BuildRecord,
  LOADER,
  removeBuildRecord,
  writeBuildRecord,
} from '#moco/native/buildRecord.js';
import { findAddon, loadAddonOf } from '#moco/native/load.js';
import { cannotBeLoaded } from '#moco/native/loadFailure.js';
import { type LoadableAddon, setUpFile, writeSetUp } from '#moco/native/setUpRecord.js';
import { packageRoot } from '#moco/packageRoot.js';
import { writeFiles, writeLibtorch } from '../../support/fakeHost.js';
import { addonFolder, copyLoader } from '../../support/nativeBuild.js';
import { PERMISSION } from '../../support/permissionModel.js';
import { compileLibrary } from '../../support/sharedLibrary.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

const { platform, arch } = process;

/** A clone in which nothing is built. */
function emptyClone(t: TestContext): string {
  const root = temporaryFolder(t);
  mkdirSync(join(root, 'native/test'), { recursive: true });
  return root;
}

/** A clone with a fake addon that says it was built against a fake LibTorch. */
function builtPackage(t: TestContext): {
  root: string;
  folder: string;
  prefix: string;
  record: BuildRecord;
} {
  const root = emptyClone(t);
  const prefix = writeLibtorch(join(root, 'libtorch'), '2.13.0');
  for (const name of ['c10', 'torch_cpu']) writeFiles(prefix, { [`lib/lib${name}.dylib`]: '' });
  const libtorch = { version: '2.13.0', cuda: false };
  const record = { libtorch, nvcc: null, platform, arch, sources: 'abc', tests: null };
  const folder = addonFolder(root);
  writeFiles(folder, { [ADDON]: '' });
  copyLoader(root);
  writeBuildRecord(folder, record);
  writeSetUp(root, process, { addon: folder, libtorch: { ...libtorch, prefix } });
  return { root, folder, prefix, record };
}

/** As `builtPackage`, with libraries of LibTorch that can be opened. */
function loadablePackage(t: TestContext): ReturnType<typeof builtPackage> {
  const built = builtPackage(t);
  for (const name of ['c10', 'torch_cpu']) {
    compileLibrary(join(built.prefix, `lib/lib${name}.so`), `int ${name} = 1;`);
  }
  return built;
}

test('a clone in which nothing was built is an error that says how to build it', (t) => {
  const root = emptyClone(t);
  assert.throws(() => loadAddonOf(root), {
    code: 'ERR_MOCO_NATIVE_MISSING',
    message: /not set up yet/,
    hint: new RegExp(`npm run setup --prefix ${root}`),
  });
});

for (const missing of [ADDON, LOADER]) {
  test(`a build without ${missing} is not complete`, (t) => {
    const { root, folder } = builtPackage(t);
    rmSync(join(folder, missing));
    assert.throws(() => loadAddonOf(root), {
      code: 'ERR_MOCO_NATIVE_MISSING',
      message: new RegExp(`no complete build in .*${missing.replace('.', '\\.')}`),
    });
  });
}

test('an addon without the record of a finished build is not loaded', (t) => {
  const { root, folder } = builtPackage(t);
  removeBuildRecord(folder);
  assert.throws(() => loadAddonOf(root), {
    code: 'ERR_MOCO_NATIVE_MISSING',
    message: /no complete build/,
  });
});

test('a record that is damaged is as good as none', (t) => {
  const { root, folder } = builtPackage(t);
  for (const file of [join(folder, BUILD_RECORD), setUpFile(root, process)]) {
    writeFileSync(file, '{ "addon": ');
    assert.throws(() => loadAddonOf(root), { code: 'ERR_MOCO_NATIVE_MISSING' });
  }
});

for (const machine of [{ arch: 's390x' }, { platform: 'aix' }]) {
  test(`an addon that was built for ${Object.values(machine)} is named as such`, (t) => {
    const { root, folder, record } = builtPackage(t);
    const other = { ...record, ...machine };
    writeBuildRecord(folder, other);
    assert.throws(() => loadAddonOf(root), {
      code: 'ERR_MOCO_NATIVE_MISSING',
      message: new RegExp(
        `built for ${other.platform}-${other.arch}, and this is Node .* for ${platform}-${arch}`,
      ),
      hint: /^1\. Set it up here: .*\n2\. /,
    });
  });
}

test('a LibTorch that is gone is named with its folder, and the version that is needed', (t) => {
  const { root, prefix } = builtPackage(t);
  rmSync(prefix, { recursive: true });
  assert.throws(() => loadAddonOf(root), {
    code: 'ERR_MOCO_LIBTORCH_MISMATCH',
    message: new RegExp(`needs LibTorch 2\\.13,.* in ${prefix}: there is no such folder`),
    hint: /^1\. .*npm run setup.*\n2\. .*put a LibTorch 2\.13 back/,
  });
});

test('a LibTorch that was replaced by one of another minor version is a mismatch of both', (t) => {
  const { root, prefix } = builtPackage(t);
  writeLibtorch(prefix, '2.14.0');
  assert.throws(() => loadAddonOf(root), {
    code: 'ERR_MOCO_LIBTORCH_MISMATCH',
    message: /needs LibTorch 2\.13,.*: it is version 2\.14\.0/,
  });
});

test('any LibTorch of the same minor version serves, also without headers', (t) => {
  const { root, prefix } = builtPackage(t);
  writeLibtorch(prefix, '2.13.7');
  rmSync(join(prefix, 'include/ATen'), { recursive: true });
  assert.equal(findAddon(root, process).libtorch.version, '2.13.7');
});

test('$LIBTORCH is taken instead of what the set-up chose, and blamed where it will not do', (t) => {
  const { root } = builtPackage(t);
  const other = writeLibtorch(join(root, 'other'), '2.13.1');
  const host = { platform: 'linux', arch, env: { LIBTORCH: other } };
  writeBuildRecord(addonFolder(root), { ...findAddon(root, process).record, platform: 'linux' });
  assert.deepEqual(findAddon(root, host).libtorch.prefix, other);
  writeLibtorch(other, '2.12.0');
  assert.throws(() => findAddon(root, host), {
    code: 'ERR_MOCO_LIBTORCH_MISMATCH',
    message: new RegExp(`\\$LIBTORCH, ${other},: it is version 2\\.12\\.0`),
    hint: /unset LIBTORCH/,
  });
});

test('an addon with CUDA kernels takes no CPU build', (t) => {
  const { root, folder, record } = builtPackage(t);
  const nvcc = { path: '/nvcc', version: '13.0.88', architectures: '90a' };
  writeBuildRecord(folder, { ...record, nvcc });
  assert.throws(() => findAddon(root, process), {
    code: 'ERR_MOCO_LIBTORCH_MISMATCH',
    message: /it is a CPU build, and the addon has CUDA kernels/,
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

test('a LibTorch that is damaged is told apart from a damaged addon', (t) => {
  const { root, prefix } = builtPackage(t);
  for (const suffix of ['so', 'dylib']) {
    writeFiles(prefix, { [`lib/libc10.${suffix}`]: 'damaged'.repeat(1000) });
  }
  assert.throws(() => loadAddonOf(root), {
    code: 'ERR_MOCO_LIBTORCH_MISMATCH',
    message: new RegExp(`LibTorch 2\\.13\\.0 \\(CPU\\) in ${prefix} is damaged or not for`),
    anotherMayDo: false,
  });
});

test('an addon is given the LibTorch that was opened before, wherever that lies', (t) => {
  if (platform !== 'linux') return t.skip('macOS has run paths');
  const { root, folder, prefix } = loadablePackage(t);
  const elsewhere = join(root, 'elsewhere/libc10.so');
  compileLibrary(elsewhere, 'extern "C" int answer() { return 1; }');
  compileLibrary(join(prefix, 'lib/libc10.so'), 'extern "C" int answer() { return 42; }', [
    '-Wl,-soname,libc10.so',
  ]);
  // Linked with a library that goes, by the name of the one that LibTorch has.
  compileLibrary(
    join(folder, ADDON),
    `#include <cstdlib>
    extern "C" int answer();
    extern "C" void* napi_register_module_v1(void*, void* exports) {
      return answer() == 42 ? exports : (std::abort(), nullptr);
    }`,
    ['-L', join(root, 'elsewhere'), '-l:libc10.so'],
  );
  rmSync(elsewhere);
  assert.deepEqual(loadAddonOf(root), {});
});

test('an addon that is damaged is to be built from scratch', (t) => {
  const { root, folder } = loadablePackage(t);
  writeFiles(folder, { [ADDON]: 'damaged'.repeat(1000) });
  assert.throws(() => loadAddonOf(root), {
    code: 'ERR_MOCO_NATIVE_MISSING',
    message: new RegExp(`damaged or not for ${platform}-${arch}`),
    hint: /^Build it again: rm -r .*build\/native && npm run setup/,
  });
});

test('a shared library that the addon misses is named', (t) => {
  const { root, folder } = loadablePackage(t);
  const library = join(root, 'libmissing.so');
  compileLibrary(library, 'int answer() { return 42; }');
  compileLibrary(
    join(folder, ADDON),
    'int answer(); extern "C" int napi_register_module_v1() { return answer(); }',
    [library],
  );
  renameSync(library, `${library}.away`);
  assert.throws(() => loadAddonOf(root), {
    code: 'ERR_MOCO_LIBTORCH_MISMATCH',
    message:
      /cannot be loaded: the shared library \S*libmissing\.so is missing.\nTried .*moco\.node/,
    hint: /^1\. .*pip install --force-reinstall torch==2\.13\.0\n2\. Set it up with another/,
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
    const { root } = builtPackage(t);
    const error = cannotBeLoaded(root, findAddon(root, process), new Error(saying));
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
  const { prefix } = findAddon(packageRoot, process).libtorch;
  const ownFiles = [PERMISSION, `--allow-fs-read=${packageRoot}/*`];
  const kept = new RegExp(`this process read ${prefix}.*--allow-addons.*--allow-fs-read=${prefix}`);
  assert.match(loadWith(ownFiles), kept);
  const allFiles = [...ownFiles, `--allow-fs-read=${prefix}/*`];
  assert.match(loadWith(allFiles), /told to load no addons.* Node's --allow-addons/s);
  assert.equal(loadWith([...allFiles, '--allow-addons']), '');
});

test('a variable that may bring in the wrong libraries is named first', (t) => {
  const { root } = builtPackage(t);
  const found: LoadableAddon = findAddon(root, process);
  const before = process.env.LD_LIBRARY_PATH;
  t.after(() => {
    if (before === undefined) delete process.env.LD_LIBRARY_PATH;
    else process.env.LD_LIBRARY_PATH = before;
  });
  process.env.LD_LIBRARY_PATH = '/of/another/torch';
  const error = new Error('moco.node: undefined symbol: _ZN2at4_ops3add4callE');
  assert.match(
    cannotBeLoaded(root, found, error).hint ?? '',
    /^1\. Unset LD_LIBRARY_PATH, .*\/of\/another\/torch\n2\. Build it again/,
  );
});
