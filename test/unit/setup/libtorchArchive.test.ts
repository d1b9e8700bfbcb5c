import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { findLibtorch } from '#moco/setup/libtorch.js';
import { archiveFile, archiveFor } from '#moco/setup/libtorchArchive.js';
import {
  cacheContents,
  hostWithArchive,
  interruptedSetUp,
  PART,
  partIsThere,
  serve,
  sha256,
} from '../../support/archiveHost.js';
import {
  bareHost,
  keptReport,
  libtorchFiles,
  realPython,
  writePython,
  writeZip,
} from '../../support/fakeHost.js';
import { sendFile } from '../../support/httpServer.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

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
    '    file.writestr("libtorch/lib/huge.so", b"", zipfile.ZIP_DEFLATED)',
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

test('Ctrl-C in the middle of a download leaves only what the next one goes on with', async (t) => {
  const { host, archive } = hostWithArchive(t);
  const bytes = readFileSync(archive);
  const { url } = await serve(t, (_, response) => response.write(bytes.subarray(0, 100)));
  host.env.MOCO_LIBTORCH_URL = url;
  assert.equal(await interruptedSetUp(host, () => partIsThere(host)), 130);
  assert.match(cacheContents(host).join(), PART);
});
