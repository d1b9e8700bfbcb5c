import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { MocoError } from '#moco/error.js';
import type { Host } from '#moco/setup/host.js';
import { findLibtorch } from '#moco/setup/libtorch.js';
import { archiveFile, archiveFor } from '#moco/setup/libtorchArchive.js';
import { fillEntry, wheelEntry } from '#moco/setup/libtorchCache.js';
import {
  bareHost,
  keptReport,
  libtorchFiles,
  realPython,
  writeLibtorch,
  writePython,
  writeZip,
} from '../../support/fakeHost.js';
import { sendFile, serve as startServer } from '../../support/httpServer.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

/** A server until the end of the test. */
async function serve(t: TestContext, handler: Parameters<typeof startServer>[0]) {
  const server = await startServer(handler);
  t.after(() => server[Symbol.asyncDispose]());
  return server;
}

function sha256(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

/** A host with an archive as `download.pytorch.org` has them, and Python to unpack it. */
function hostWithArchive(t: TestContext): { host: Host; archive: string; folder: string } {
  const folder = temporaryFolder(t);
  const archive = writeZip(join(folder, 'libtorch.zip'), 'libtorch', {
    ...libtorchFiles('2.13.0'),
    'bin/tool': 'not needed',
  });
  const host = bareHost(folder);
  writePython(host, {});
  return { host, archive, folder };
}

function cacheContents(host: Host): string[] {
  const cache = host.env.MOCO_CACHE ?? '';
  return existsSync(cache) ? readdirSync(cache) : [];
}

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

test('an address in $MOCO_LIBTORCH_URL comes before pip', async (t) => {
  const { host, archive, folder } = hostWithArchive(t);
  writePython(host, { pip: `touch ${folder}/asked` });
  const { url } = await serve(t, (_, response) => response.end(readFileSync(archive)));
  Object.assign(host.env, { MOCO_LIBTORCH_URL: url, MOCO_LIBTORCH_SHA256: sha256(archive) });
  const report = keptReport();
  const libtorch = await findLibtorch(host, report);
  assert.equal(libtorch.version, '2.13.0');
  assert.ok(!existsSync(join(folder, 'asked')));
  assert.ok(!existsSync(join(libtorch.prefix, 'bin')), 'only headers and libraries are kept');
  assert.deepEqual(report.lines, [
    `LibTorch: downloading ${url}`,
    `LibTorch 2.13.0 (CPU) from the cache: ${libtorch.prefix}`,
  ]);
});

test('an archive can be a file, and serves later set-ups when it is gone', async (t) => {
  const { host, archive } = hostWithArchive(t);
  Object.assign(host.env, {
    MOCO_LIBTORCH_URL: pathToFileURL(archive).href,
    MOCO_LIBTORCH_SHA256: sha256(archive).toUpperCase(),
  });
  const libtorch = await findLibtorch(host, keptReport());
  rmSync(archive);
  assert.deepEqual(await findLibtorch(host, keptReport()), libtorch);
});

test('a plain path will do for the address of an archive', async (t) => {
  const { host, archive } = hostWithArchive(t);
  Object.assign(host.env, {
    MOCO_LIBTORCH_URL: archive,
    MOCO_LIBTORCH_SHA256: sha256(archive),
  });
  assert.equal((await findLibtorch(host, keptReport())).version, '2.13.0');
});

test('an archive with a wrong SHA-256 is an error with both sums, and leaves no trace', async (t) => {
  const { host, archive } = hostWithArchive(t);
  const expected = '0'.repeat(64);
  Object.assign(host.env, { MOCO_LIBTORCH_URL: archive, MOCO_LIBTORCH_SHA256: expected });
  await assert.rejects(findLibtorch(host, keptReport()), {
    code: 'ERR_MOCO_LIBTORCH_MISMATCH',
    message: new RegExp(`${sha256(archive)}, not ${expected}`),
    hint: /MOCO_LIBTORCH_SHA256/,
  });
  assert.deepEqual(cacheContents(host), []);
});

test('a mirror of the official archive must have its SHA-256', async (t) => {
  const { host, archive } = hostWithArchive(t);
  host.env.MOCO_LIBTORCH_URL = archive;
  await assert.rejects(findLibtorch(host, keptReport()), {
    code: 'ERR_MOCO_LIBTORCH_MISMATCH',
    message: /not edbf4cbed784/,
  });
});

test('where no official archive exists, one without SHA-256 is used with a warning', async (t) => {
  const { host, archive } = hostWithArchive(t);
  host.env.MOCO_LIBTORCH_URL = archive;
  const report = keptReport();
  await findLibtorch({ ...host, arch: 'riscv64' }, report);
  assert.match(report.lines.join('\n'), /no SHA-256 is known for .*used unchecked/);
});

test('an address that does not answer is a network error that says how to do without', async (t) => {
  const { host } = hostWithArchive(t);
  const { url } = await serve(t, (request) => void request.socket.destroy());
  host.env.MOCO_LIBTORCH_URL = url;
  await assert.rejects(findLibtorch(host, keptReport()), {
    code: 'ERR_MOCO_NETWORK',
    message: new RegExp(`^cannot download ${url}: `),
    hint: /file:\/\//,
  });
  assert.deepEqual(cacheContents(host), []);
});

test('an answer other than 200 is a network error that names the status', async (t) => {
  const { host } = hostWithArchive(t);
  const { url } = await serve(t, (_, response) => response.writeHead(404).end());
  host.env.MOCO_LIBTORCH_URL = url;
  await assert.rejects(findLibtorch(host, keptReport()), {
    code: 'ERR_MOCO_NETWORK',
    message: /: the server answered 404 Not Found$/,
  });
});

/** What a set-up that was interrupted leaves to the next one. */
const PART = /^partial-libtorch-[0-9a-f]{16}\.zip\.part$/;

test('a transfer that breaks off is taken up where it broke off', async (t) => {
  const { host, archive } = hostWithArchive(t);
  const bytes = readFileSync(archive);
  const server = await serve(t, async (request, response, number) => {
    if (number > 0) return sendFile(bytes, request, response, '"one"');
    response.writeHead(200, { 'content-length': bytes.length, etag: '"one"' });
    response.write(bytes.subarray(0, 100));
    while (!partIsThere(host) && !response.closed) await pause(5);
    response.destroy();
  });
  Object.assign(host.env, { MOCO_LIBTORCH_URL: server.url, MOCO_LIBTORCH_SHA256: sha256(archive) });
  assert.equal((await findLibtorch(host, keptReport())).version, '2.13.0');
  assert.deepEqual(server.asked[1], { range: 'bytes=100-', ifRange: '"one"' });
});

test('a download goes on where an interrupted set-up stopped', async (t) => {
  const { host, archive } = hostWithArchive(t);
  const bytes = readFileSync(archive);
  const server = await serve(t, (request, response, number) => {
    if (number === 0) response.writeHead(200).write(bytes.subarray(0, 100));
    else if (number === 1) response.writeHead(404).end();
    else sendFile(bytes, request, response);
  });
  Object.assign(host.env, { MOCO_LIBTORCH_URL: server.url, MOCO_LIBTORCH_SHA256: sha256(archive) });
  await interruptedSetUp(host, () => partIsThere(host));
  assert.match(cacheContents(host).join(), PART);
  await assert.rejects(findLibtorch(host, keptReport()), { code: 'ERR_MOCO_NETWORK' });
  assert.match(cacheContents(host).join(), PART);
  assert.equal((await findLibtorch(host, keptReport())).version, '2.13.0');
  assert.deepEqual(
    server.asked.map(({ range }) => range),
    [undefined, 'bytes=100-', 'bytes=100-'],
  );
  assert.equal(cacheContents(host).length, 1, 'only the entry is left');
});

test('an archive that has changed since is downloaded anew', async (t) => {
  const { host, archive } = hostWithArchive(t);
  const bytes = readFileSync(archive);
  const server = await serve(t, (request, response, number) => {
    if (number > 0) return sendFile(bytes, request, response);
    response.writeHead(200).write(Buffer.alloc(100));
  });
  Object.assign(host.env, { MOCO_LIBTORCH_URL: server.url, MOCO_LIBTORCH_SHA256: sha256(archive) });
  await interruptedSetUp(host, () => partIsThere(host));
  assert.equal((await findLibtorch(host, keptReport())).version, '2.13.0');
  assert.deepEqual(
    server.asked.map(({ range }) => range),
    [undefined, 'bytes=100-', undefined],
  );
});

test('a downloaded archive with a wrong SHA-256 is an error, and leaves no trace', async (t) => {
  const { host, archive } = hostWithArchive(t);
  const server = await serve(t, (request, response) =>
    sendFile(readFileSync(archive), request, response),
  );
  const expected = '0'.repeat(64);
  Object.assign(host.env, { MOCO_LIBTORCH_URL: server.url, MOCO_LIBTORCH_SHA256: expected });
  await assert.rejects(findLibtorch(host, keptReport()), {
    code: 'ERR_MOCO_LIBTORCH_MISMATCH',
    message: new RegExp(`${sha256(archive)}, not ${expected}`),
  });
  assert.deepEqual(cacheContents(host), []);
});

for (const [name, sent, asked] of [
  ['never answers', 0, 1],
  ['stops in the middle', 100, 4],
] as const) {
  test(`a server that ${name} is given up, with the time that was waited`, async (t) => {
    const server = await serve(t, (_, response) => {
      if (sent > 0) response.write(Buffer.alloc(sent));
    });
    const archive = { url: server.url, sha256: undefined };
    const target = join(temporaryFolder(t), 'archive');
    const waits = { stallTimeout: 200, retryPause: 1 };
    await assert.rejects(archiveFile(archive, target, keptReport(), waits), {
      code: 'ERR_MOCO_NETWORK',
      message: `cannot download ${server.url}: no data came for 0.2 s`,
    });
    assert.ok(server.asked.length >= asked);
  });
}

test('where the disk has too little room for an archive, nothing is downloaded', async (t) => {
  const { host } = hostWithArchive(t);
  const { url } = await serve(t, (_, response) => {
    response.writeHead(200, { 'content-length': 1e18 }).flushHeaders();
  });
  host.env.MOCO_LIBTORCH_URL = url;
  await assert.rejects(findLibtorch(host, keptReport()), {
    code: 'ERR_MOCO_OUTPUT',
    // With what is unpacked of it.
    message: new RegExp(`: ${url}, unpacked, needs 2000000000000 MB there, \\d+ MB are free$`),
    hint: /MOCO_CACHE/,
  });
  assert.deepEqual(cacheContents(host), []);
});

/** Makes a zip say that a file in it takes more than any disk has. */
function claimTooMuch(archive: string): void {
  const program = [
    'import sys, zipfile',
    'with zipfile.ZipFile(sys.argv[1], "a") as file:',
    '    file.writestr("libtorch/lib/huge.so", b"")',
    '    file.filelist[-1].file_size = 10**18',
  ].join('\n');
  execFileSync(realPython, ['-c', program, archive]);
}

test('an archive that there is too little room to unpack stays, and is not downloaded again', async (t) => {
  const { host, archive } = hostWithArchive(t);
  claimTooMuch(archive);
  const server = await serve(t, (request, response) =>
    sendFile(readFileSync(archive), request, response),
  );
  Object.assign(host.env, { MOCO_LIBTORCH_URL: server.url, MOCO_LIBTORCH_SHA256: sha256(archive) });
  for (let attempt = 1; attempt <= 2; attempt++) {
    await assert.rejects(findLibtorch(host, keptReport()), {
      code: 'ERR_MOCO_OUTPUT',
      message: /\.zip, unpacked, needs 10000000\d{5} MB there, \d+ MB are free$/,
    });
    assert.match(cacheContents(host).join(), /^partial-libtorch-[0-9a-f]{16}\.zip$/);
  }
  assert.equal(server.asked.length, 1);
});

test('of two set-ups that need an archive at once one downloads it, and both use it', async (t) => {
  const { host, archive } = hostWithArchive(t);
  const server = await serve(t, (request, response) =>
    sendFile(readFileSync(archive), request, response),
  );
  Object.assign(host.env, { MOCO_LIBTORCH_URL: server.url, MOCO_LIBTORCH_SHA256: sha256(archive) });
  const reports = [keptReport(), keptReport()];
  const [first, second] = await Promise.all(reports.map((report) => findLibtorch(host, report)));
  assert.deepEqual(first, second);
  assert.equal(server.asked.length, 1);
  const lines = reports.flatMap((report) => report.lines);
  assert.ok(lines.includes('LibTorch: waiting for another set-up to fetch it'));
  assert.equal(cacheContents(host).length, 1);
});

test('a file that is no zip is an error, and leaves no trace', async (t) => {
  const { host, folder } = hostWithArchive(t);
  const file = join(folder, 'page.html');
  writeFileSync(file, '<html>');
  Object.assign(host.env, { MOCO_LIBTORCH_URL: file, MOCO_LIBTORCH_SHA256: sha256(file) });
  await assert.rejects(findLibtorch(host, keptReport()), {
    code: 'ERR_MOCO_LIBTORCH_MISMATCH',
    message: /cannot be unpacked: .*not a zip file/i,
  });
  assert.deepEqual(cacheContents(host), []);
});

test('an archive of a version that moco cannot use is an error, and leaves no trace', async (t) => {
  const { host, folder } = hostWithArchive(t);
  const file = writeZip(join(folder, 'old.zip'), 'libtorch', libtorchFiles('1.13.0'));
  Object.assign(host.env, { MOCO_LIBTORCH_URL: file, MOCO_LIBTORCH_SHA256: sha256(file) });
  await assert.rejects(findLibtorch(host, keptReport()), {
    code: 'ERR_MOCO_LIBTORCH_MISMATCH',
    message: /version 1\.13\.0/,
  });
  assert.deepEqual(cacheContents(host), []);
});

for (const [name, value] of [
  ['MOCO_LIBTORCH_URL', 'ftp://example.test/libtorch.zip'],
  ['MOCO_LIBTORCH_URL', 'libtorch.zip'],
  ['MOCO_LIBTORCH_SHA256', 'abc'],
] as const) {
  test(`$${name} set to "${value}" is an error that names it`, (t) => {
    const host = bareHost(temporaryFolder(t), { [name]: value });
    assert.throws(() => archiveFor(host), {
      code: 'ERR_MOCO_LIBTORCH_NOT_FOUND',
      message: new RegExp(`\\$${name} is "${value}"`),
    });
  });
}

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

test('without Python nothing can be fetched: the error names the command that installs it', async (t) => {
  await assert.rejects(findLibtorch(bareHost(temporaryFolder(t)), keptReport()), {
    code: 'ERR_MOCO_TOOLCHAIN',
    message: /Python 3 with pip/,
    hint: /apt-get install python3 python3-pip\n.*dnf install python3.*\n.*brew install python/,
  });
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

/** Whether a part of the archive is on the disk. */
function partIsThere(host: Host): boolean {
  const part = cacheContents(host).find((name) => PART.test(name));
  return part !== undefined && statSync(join(host.env.MOCO_CACHE ?? '', part)).size > 0;
}

/** A set-up in a process of its own, which gets Ctrl-C as soon as `isTime`. */
async function interruptedSetUp(host: Host, isTime: () => boolean): Promise<number> {
  const module = import.meta.resolve('#moco/setup/libtorch.js');
  const script =
    `import { findLibtorch } from ${JSON.stringify(module)};` +
    `const report = { line() {}, progress() {} };` +
    `await findLibtorch(${JSON.stringify(host)}, report);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: 'inherit',
  });
  const closed = once(child, 'close');
  while (!isTime() && child.exitCode === null) await pause(5);
  child.kill('SIGINT');
  const [exitCode] = await closed;
  return exitCode;
}

test('Ctrl-C in the middle of a download leaves only what the next one goes on with', async (t) => {
  const { host, archive } = hostWithArchive(t);
  const bytes = readFileSync(archive);
  const { url } = await serve(t, (_, response) => response.write(bytes.subarray(0, 100)));
  host.env.MOCO_LIBTORCH_URL = url;
  assert.equal(await interruptedSetUp(host, () => partIsThere(host)), 130);
  assert.match(cacheContents(host).join(), PART);
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
    fillEntry(entry, host, fill),
    fillEntry(entry, host, fill),
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
