import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { MocoError } from '#moco/error.js';
import { findLibtorch } from '#moco/setup/libtorch.js';
import { fillLibtorch, wheelEntry } from '#moco/setup/libtorchCache.js';
import { cacheContents, hostWithArchive, sha256 } from '../../support/archiveHost.js';
import {
  bareHost,
  keptReport,
  libtorchFiles,
  writeLibtorch,
  writePython,
  writeZip,
} from '../../support/fakeHost.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

test('pip fills the cache with the pinned CPU build where there is no NVIDIA driver', async (t) => {
  const folder = temporaryFolder(t);
  const host = bareHost(folder);
  const wheel = join(folder, 'index/torch-2.13.0+cpu-cp312-cp312-linux_x86_64.whl');
  writeZip(wheel, 'torch', { ...libtorchFiles('2.13.0'), 'nn/__init__.py': 'not needed' });
  writePython(host, {
    pip: `echo "$requirement $*" > ${folder}/asked; /bin/cp ${folder}/index/*.whl "$dest"`,
  });
  const report = keptReport();
  const libtorch = await findLibtorch(host, report);
  assert.equal(libtorch.prefix, join(wheelEntry(host, 'cpu'), 'torch'));
  assert.match(readFileSync(join(folder, 'asked'), 'utf8'), /^torch==2\.13\.0\+cpu .*--no-deps/);
  assert.ok(!existsSync(join(libtorch.prefix, 'nn')), "Python's half of the package is left out");
  assert.deepEqual(cacheContents(host).length, 1, 'wheels and workspaces are gone');

  const again = keptReport();
  assert.deepEqual(await findLibtorch(host, again), libtorch);
  assert.deepEqual(again.lines, [`LibTorch 2.13.0 (CPU) from the cache: ${libtorch.prefix}`]);
});

test("with an NVIDIA driver the CUDA build and NVIDIA's libraries share one folder", async (t) => {
  const folder = temporaryFolder(t);
  const host = { ...bareHost(folder), nvidiaDriver: true };
  writeZip(join(folder, 'index/torch-2.13.0-cp312-cp312-linux_x86_64.whl'), 'torch', {
    ...libtorchFiles('2.13.0'),
    'lib/libtorch_cuda.so': '',
  });
  writeZip(join(folder, 'index/nvidia_cudnn_cu13-9.20-py3-none-linux_x86_64.whl'), 'nvidia', {
    'cudnn/lib/libcudnn.so.9': '',
  });
  writeZip(join(folder, 'index/sympy-1.14-py3-none-any.whl'), 'nvidia', { 'sympy/core.py': '' });
  writePython(host, {
    pip: `echo "$requirement $*" > ${folder}/asked; /bin/cp ${folder}/index/*.whl "$dest"`,
  });
  const libtorch = await findLibtorch(host, keptReport());
  assert.equal(libtorch.cuda, true);
  const asked = readFileSync(join(folder, 'asked'), 'utf8');
  assert.match(asked, /^torch==2\.13\.0,!=2\.13\.0\+cpu /);
  assert.doesNotMatch(asked, /--no-deps/);
  assert.ok(existsSync(join(libtorch.prefix, '../nvidia/cudnn/lib/libcudnn.so.9')));
  assert.ok(!existsSync(join(libtorch.prefix, '../nvidia/sympy')), 'only what holds libraries');
});

test('where nothing can be fetched, the error lists what was tried and numbered ways out', async (t) => {
  const host = { ...bareHost(temporaryFolder(t)), arch: 'riscv64' };
  writePython(host, { pip: 'echo "ERROR: No matching distribution found" >&2; exit 1' });
  await assert.rejects(findLibtorch(host, keptReport()), {
    code: 'ERR_MOCO_LIBTORCH_NOT_FOUND',
    message: /Tried:\n.*LIBTORCH: not set\n.*Python.*\n.*with pip: No matching distribution found/,
    hint: /^1\. .*\n2\. .*pip install torch==2\.13\.0\n3\. Set LIBTORCH/,
  });
  assert.deepEqual(cacheContents(host), []);
});

test('without Python and an archive nothing can be fetched: the error names what installs Python', async (t) => {
  const host = { ...bareHost(temporaryFolder(t)), arch: 'riscv64' };
  await assert.rejects(findLibtorch(host, keptReport()), {
    code: 'ERR_MOCO_LIBTORCH_NOT_FOUND',
    message: /pip: no Python 3 was found/,
    hint: /apt-get install python3 python3-pip\n.*dnf install python3.*\n.*brew install python/,
  });
});

test('the archive needs no Python', async (t) => {
  const { host, archive } = hostWithArchive(t);
  rmSync(join(host.env.PATH ?? '', 'python3'));
  Object.assign(host.env, { MOCO_LIBTORCH_URL: archive, MOCO_LIBTORCH_SHA256: sha256(archive) });
  assert.equal((await findLibtorch(host, keptReport())).version, '2.13.0');
});

test('an archive whose contents do not have the checksums that it states is damaged', async (t) => {
  const { host, archive } = hostWithArchive(t);
  const bytes = readFileSync(archive);
  // In the archive's directory, at its end, a checksum stands 30 bytes before the name.
  const name = bytes.lastIndexOf('libtorch/include/torch/headeronly/version.h');
  bytes.writeUInt32LE(7, name - 30);
  writeFileSync(archive, bytes);
  Object.assign(host.env, { MOCO_LIBTORCH_URL: archive, MOCO_LIBTORCH_SHA256: sha256(archive) });
  await assert.rejects(findLibtorch(host, keptReport()), {
    code: 'ERR_MOCO_LIBTORCH_MISMATCH',
    message: /cannot be unpacked: wrong checksum of libtorch\/include\/.*version\.h/,
  });
  assert.deepEqual(cacheContents(host), []);
});

/** What is said where Python has no pip, and no archive is for the machine. */
async function withoutPip(t: TestContext, env: NodeJS.ProcessEnv = {}): Promise<MocoError> {
  const host = { ...bareHost(temporaryFolder(t), env), arch: 'riscv64' };
  writePython(host, { pip: null });
  const error = await findLibtorch(host, keptReport()).catch((reason: unknown) => reason);
  assert.ok(error instanceof MocoError);
  return error;
}

test('a Python without pip is named, with the command that installs pip instead of one that needs it', async (t) => {
  const { code, message, hint } = await withoutPip(t);
  assert.equal(code, 'ERR_MOCO_LIBTORCH_NOT_FOUND');
  assert.match(message, /pip: .*bin\/python3 has no module of that name/);
  assert.match(
    hint ?? '',
    /apt-get install python3-pip\n.*dnf install python3-pip\n.*brew install/,
  );
  assert.doesNotMatch(hint ?? '', /-m pip/);
});

test('a virtual environment without pip gets it from Python itself', async (t) => {
  const { hint } = await withoutPip(t, { VIRTUAL_ENV: '/no/such/folder' });
  assert.match(hint ?? '', /run this again: .*python3 -m ensurepip/);
});

test('a Python without pip unpacks the archive', async (t) => {
  const { host, archive } = hostWithArchive(t);
  writePython(host, { pip: null });
  Object.assign(host.env, { MOCO_LIBTORCH_URL: archive, MOCO_LIBTORCH_SHA256: sha256(archive) });
  assert.equal((await findLibtorch(host, keptReport())).version, '2.13.0');
});

test('what a killed set-up left is no entry, and is removed after a day', async (t) => {
  const { host, archive } = hostWithArchive(t);
  const abandoned = join(host.env.MOCO_CACHE ?? '', 'partial-abcdef');
  const recent = join(host.env.MOCO_CACHE ?? '', 'partial-ghijkl');
  for (const folder of [abandoned, recent]) mkdirSync(folder, { recursive: true });
  utimesSync(abandoned, new Date(), new Date(Date.now() - 25 * 3600 * 1000));
  Object.assign(host.env, { MOCO_LIBTORCH_URL: archive, MOCO_LIBTORCH_SHA256: sha256(archive) });
  await findLibtorch(host, keptReport());
  assert.ok(!existsSync(abandoned));
  assert.ok(existsSync(recent), 'it may be that of a set-up that runs');
});

test('of two set-ups that fill the cache at once one wins, and both can use it', async (t) => {
  const host = bareHost(temporaryFolder(t));
  const entry = wheelEntry(host, 'cpu');
  let waiting = 0;
  let release = () => {};
  const bothStarted = new Promise<void>((resolve) => {
    release = resolve;
  });
  const fill = async (contents: string) => {
    writeLibtorch(join(contents, 'torch'), '2.13.0');
    waiting += 1;
    if (waiting === 2) release();
    await bothStarted;
  };
  const [first, second] = await Promise.all([
    fillLibtorch(entry, host, fill),
    fillLibtorch(entry, host, fill),
  ]);
  assert.deepEqual(first, second);
  assert.equal(cacheContents(host).length, 1);
});

test('a damaged entry of the cache is passed over and made anew', async (t) => {
  const { host, archive } = hostWithArchive(t);
  Object.assign(host.env, { MOCO_LIBTORCH_URL: archive, MOCO_LIBTORCH_SHA256: sha256(archive) });
  const { prefix } = await findLibtorch(host, keptReport());
  rmSync(join(prefix, 'lib/libc10.so'));
  const report = keptReport();
  await findLibtorch(host, report);
  assert.match(report.lines[0] ?? '', /passed over .*: it has no lib\/libc10\.so/);
  assert.ok(existsSync(join(prefix, 'lib/libc10.so')));
});
