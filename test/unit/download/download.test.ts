import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { type DownloadRequest, download } from '#moco/download/download.js';
import type { DownloadProgress } from '#moco/download/transfer.js';
import { MocoError } from '#moco/error.js';
import { failure } from '../../support/failure.js';
import { sendFile, serve } from '../../support/httpServer.js';

const FILE = randomBytes(300_000);
const MD5 = createHash('md5').update(FILE).digest('hex');
const BY_HAND = 'Or fetch it by other means.';

let folder: string;
let target: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'moco-download-'));
  target = join(folder, 'file.bin');
});
afterEach(() => rm(folder, { recursive: true }));

/** Downloads into the test's folder, with short waits. */
function fetchFile(url: string, more: Partial<DownloadRequest> = {}): Promise<void> {
  return download({
    ...{ url, target, byHand: BY_HAND, retryPause: 1 },
    checksum: {
      algorithm: 'md5',
      value: MD5,
      wrongFile: (actual, bytes) => new MocoError('ERR_MOCO_DATA', `${actual}, ${bytes} bytes`),
    },
    unpackedBytes: () => 0,
    spaceHint: 'Make room.',
    ...more,
  });
}

/** Waits until the part has this many bytes, or whoever downloads it has hung up. */
async function partHas(bytes: number, response: ServerResponse): Promise<void> {
  const part = `${target}.part`;
  while (!response.closed) {
    const { size } = await stat(part).catch(() => ({ size: 0 }));
    if (size >= bytes) return;
    await pause(5);
  }
}

/** Answers with `file` from `start` to `end`, as if there were more to come, and then hangs up. */
async function breakOff(response: ServerResponse, file: Buffer, start: number, end: number) {
  const length = { 'content-length': file.length - start, etag: '"one"' };
  const range = { 'content-range': `bytes ${start}-${file.length - 1}/${file.length}` };
  if (start === 0) response.writeHead(200, length);
  else response.writeHead(206, { ...length, ...range });
  response.write(file.subarray(start, end));
  await partHas(end, response);
  response.destroy();
}

test('a file is downloaded, checked and put in place, with nothing beside it', async () => {
  await using server = await serve((request, response) => sendFile(FILE, request, response));
  await fetchFile(server.url);
  assert.deepEqual(await readFile(target), FILE);
  assert.deepEqual(await readdir(folder), ['file.bin']);
  assert.deepEqual(server.asked, [{ range: undefined, ifRange: undefined }]);
});

test('progress starts with what is there, ends with the whole, and never goes back', async () => {
  await using server = await serve((request, response) => sendFile(FILE, request, response));
  await writeFile(`${target}.part`, FILE.subarray(0, 1000));
  const seen: DownloadProgress[] = [];
  await fetchFile(server.url, { onProgress: (progress) => seen.push(progress) });
  assert.deepEqual(seen[0], { url: server.url, received: 1000, total: FILE.length });
  assert.equal(seen.at(-1)?.received, FILE.length);
  const received = seen.map((progress) => progress.received);
  assert.deepEqual(
    received,
    received.toSorted((a, b) => a - b),
  );
});

test('a dropped connection is taken up where it broke off, for the same version of the file', async () => {
  await using server = await serve((request, response, number) => {
    if (number === 0) breakOff(response, FILE, 0, 100_000);
    else sendFile(FILE, request, response, '"one"');
  });
  await fetchFile(server.url);
  assert.deepEqual(await readFile(target), FILE);
  assert.deepEqual(server.asked[1], { range: 'bytes=100000-', ifRange: '"one"' });
});

test('a file that changed while the connection was down is taken anew', async () => {
  const older = randomBytes(FILE.length);
  await using server = await serve((request, response, number) => {
    if (number === 0) breakOff(response, older, 0, 100_000);
    else sendFile(FILE, request, response, '"two"');
  });
  await fetchFile(server.url);
  assert.deepEqual(await readFile(target), FILE);
});

test('the part of an earlier run is continued', async () => {
  await using server = await serve((request, response) => sendFile(FILE, request, response));
  await writeFile(`${target}.part`, FILE.subarray(0, 250_000));
  await fetchFile(server.url);
  assert.deepEqual(await readFile(target), FILE);
  assert.deepEqual(server.asked, [{ range: 'bytes=250000-', ifRange: undefined }]);
});

test('a part that is already whole is not downloaded again', async () => {
  await using server = await serve((request, response) => sendFile(FILE, request, response));
  await writeFile(`${target}.part`, FILE);
  await fetchFile(server.url);
  assert.deepEqual(await readFile(target), FILE);
  assert.equal(server.asked.length, 1);
});

test('a part of another file, shorter or longer, is replaced', async () => {
  await using server = await serve((request, response) => sendFile(FILE, request, response));
  for (const length of [1000, FILE.length, FILE.length + 1000]) {
    await writeFile(`${target}.part`, randomBytes(length));
    await fetchFile(server.url);
    assert.deepEqual(await readFile(target), FILE, `${length} bytes`);
    await rm(target);
  }
});

test('a server that knows no ranges sends the whole file, which replaces the part', async () => {
  await using server = await serve((_, response) => {
    response.writeHead(200).end(FILE); // without a length, too
  });
  await writeFile(`${target}.part`, FILE.subarray(0, 1000));
  const totals = new Set<number | undefined>();
  await fetchFile(server.url, { onProgress: ({ total }) => totals.add(total) });
  assert.deepEqual(await readFile(target), FILE);
  assert.deepEqual([...totals], [undefined, FILE.length]);
});

test('a wrong file is deleted and reported with its checksum', async () => {
  const wrong = randomBytes(5_000_000);
  await using server = await serve((request, response) => sendFile(wrong, request, response));
  const error = await failure(fetchFile(server.url));
  assert.equal(error.code, 'ERR_MOCO_DATA');
  assert.equal(error.message, `${createHash('md5').update(wrong).digest('hex')}, 5000000 bytes`);
  assert.deepEqual(await readdir(folder), []);
});

test('without a checksum, the part of an earlier run is not trusted, and a broken connection is taken up', async () => {
  await using server = await serve((request, response, number) => {
    if (number === 0) breakOff(response, FILE, 0, 100_000);
    else sendFile(FILE, request, response, '"one"');
  });
  await writeFile(`${target}.part`, randomBytes(1000));
  await fetchFile(server.url, { checksum: undefined });
  assert.deepEqual(await readFile(target), FILE);
  assert.deepEqual(server.asked, [
    { range: undefined, ifRange: undefined },
    { range: 'bytes=100000-', ifRange: '"one"' },
  ]);
});

/** More than any disk has. */
const TOO_MUCH = 1e18;

test('where the disk has too little room for a file, nothing is downloaded', async () => {
  await using server = await serve((_, response) => {
    response.writeHead(200, { 'content-length': TOO_MUCH }).flushHeaders();
  });
  const { code, message, hint } = await failure(fetchFile(server.url));
  assert.equal(code, 'ERR_MOCO_OUTPUT');
  assert.ok(message.startsWith(`cannot write ${folder}: ${server.url}, unpacked, needs `), message);
  assert.match(message, /needs 1000000000000 MB there, \d+ MB are free$/);
  assert.equal(hint, 'Make room.');
  assert.equal(server.asked.length, 1);
  assert.deepEqual(await readdir(folder), []);
});

test('what is unpacked of a file needs room too, and the part stays for the next time', async () => {
  await using server = await serve((request, response) => sendFile(FILE, request, response));
  await writeFile(`${target}.part`, FILE.subarray(0, 1000));
  const sizes: number[] = [];
  const unpackedBytes = (size: number) => {
    sizes.push(size);
    return TOO_MUCH;
  };
  assert.equal((await failure(fetchFile(server.url, { unpackedBytes }))).code, 'ERR_MOCO_OUTPUT');
  assert.deepEqual(sizes, [FILE.length]);
  assert.deepEqual(await readFile(`${target}.part`), FILE.subarray(0, 1000));
});

test('an address that is not there is reported at once', async () => {
  await using server = await serve(
    (_, response) => void response.writeHead(404).end('no such file'),
  );
  const error = await failure(fetchFile(server.url));
  assert.equal(error.code, 'ERR_MOCO_NETWORK');
  assert.ok(error.message.includes(`${server.url}: the server answered 404 Not Found`));
  assert.ok(error.hint?.includes(BY_HAND));
  assert.equal(server.asked.length, 1);
});

test('a server in trouble is asked again, a few times', async () => {
  let healthyAfter = 2;
  await using server = await serve((request, response, number) => {
    if (number < healthyAfter) response.writeHead(503).end();
    else sendFile(FILE, request, response);
  });
  await fetchFile(server.url);
  assert.equal(server.asked.length, 3);
  healthyAfter = Number.POSITIVE_INFINITY;
  await rm(target);
  const error = await failure(fetchFile(server.url));
  assert.match(error.message, /503 Service Unavailable/);
  assert.equal(server.asked.length, 3 + 4);
});

test('attempts that bring something do not count as fruitless', async () => {
  const slice = 30_000;
  await using server = await serve((request, response) => {
    const start = Number(/\d+/.exec(request.headers.range ?? '0')?.[0]);
    breakOff(response, FILE, start, start + slice);
  });
  await fetchFile(server.url);
  assert.deepEqual(await readFile(target), FILE);
  assert.equal(server.asked.length, FILE.length / slice);
});

test('a connection that goes silent is given up and taken up again', async () => {
  await using server = await serve((request, response, number) => {
    if (number > 0) sendFile(FILE, request, response);
    else response.writeHead(200, { 'content-length': FILE.length }).write(FILE.subarray(0, 1000));
  });
  await fetchFile(server.url, { stallTimeout: 500 });
  assert.deepEqual(await readFile(target), FILE);
  assert.ok(server.asked.length > 1);
});

test('a server that never answers is reported as silent', async () => {
  await using server = await serve(() => {});
  const error = await failure(fetchFile(server.url, { stallTimeout: 100 }));
  assert.equal(error.code, 'ERR_MOCO_NETWORK');
  assert.match(error.message, /no data came for 0\.1 s/);
  assert.equal(server.asked.length, 1);
});

test('without a network, the address, the reason and the way by hand are named', async () => {
  const { url } = await (async () => {
    await using gone = await serve(() => {});
    return gone;
  })();
  const error = await failure(fetchFile(url));
  assert.equal(error.code, 'ERR_MOCO_NETWORK');
  assert.ok(error.message.includes(url));
  assert.match(error.message, /ECONNREFUSED/);
  assert.ok(error.hint?.includes(BY_HAND));
  assert.deepEqual(await readdir(folder), []);
});

test('a compressed answer is refused rather than stored unpacked', async () => {
  await using server = await serve((_, response) => {
    response
      .writeHead(200, { 'content-encoding': 'gzip' })
      .end(Buffer.from('H4sIAAAAAAAAAwMAAAAAAAAAAAA=', 'base64'));
  });
  assert.match((await failure(fetchFile(server.url))).message, /compresses the file.*gzip/);
});

test('a signal ends the download and keeps the part for the next time', async () => {
  const controller = new AbortController();
  await using server = await serve((request, response, number) => {
    if (number > 0) return sendFile(FILE, request, response);
    response.writeHead(200).write(FILE.subarray(0, 50_000));
    partHas(50_000, response).then(() => controller.abort(new Error('enough')));
  });
  const error = await failure(fetchFile(server.url, { signal: controller.signal }));
  assert.equal(error.code, 'ERR_MOCO_ABORTED');
  assert.equal((error.cause as Error).message, 'enough');
  assert.deepEqual(await readdir(folder), ['file.bin.part']);
  await fetchFile(server.url);
  assert.deepEqual(await readFile(target), FILE);
});

test('a signal that was given before keeps the network out of it', async () => {
  await using server = await serve((request, response) => sendFile(FILE, request, response));
  const error = await failure(fetchFile(server.url, { signal: AbortSignal.abort() }));
  assert.equal(error.code, 'ERR_MOCO_ABORTED');
  assert.deepEqual(server.asked, []);
});

test('a signal cuts the pause before the next attempt short', async () => {
  const controller = new AbortController();
  await using server = await serve((_, response) => {
    response.writeHead(503).end();
    setImmediate(() => controller.abort());
  });
  const waiting = { signal: controller.signal, retryPause: 2 ** 30 };
  assert.equal((await failure(fetchFile(server.url, waiting))).code, 'ERR_MOCO_ABORTED');
});

test('a place that cannot be written is reported as such', async () => {
  await mkdir(`${target}.part`);
  await using server = await serve((request, response) => sendFile(FILE, request, response));
  const error = await failure(fetchFile(server.url));
  assert.equal(error.code, 'ERR_MOCO_OUTPUT');
  assert.ok(error.message.includes(`${target}.part`));
});
