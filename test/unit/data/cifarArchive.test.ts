import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import {
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { loadCifar } from '#moco/data/cifar.js';
import { CIFAR10, CIFAR100, type CifarVariant } from '#moco/data/cifarVariant.js';
import type { LoadOptions } from '#moco/data/dataset.js';
import { FileLock } from '#moco/disk/lock.js';
import type { DownloadProgress } from '#moco/download/transfer.js';
import { failure } from '../../support/failure.js';
import { sendFile, serve } from '../../support/httpServer.js';
import { writePythonCifar } from '../../support/pythonCifar.js';
import { archiveOf, SMALL10, SMALL100, writeCifar } from '../../support/smallCifar.js';

let root: string;
let source: string;
let dataRoot: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'moco-archive-'));
  source = join(root, 'source');
  await mkdir(source);
  dataRoot = join(root, 'data', 'sets');
});
afterEach(async () => {
  delete process.env.MOCO_CIFAR10_URL;
  await rm(root, { recursive: true });
});

function load(variant: CifarVariant, options: LoadOptions & { trainLimit?: number } = {}) {
  const { trainLimit, ...rest } = options;
  return loadCifar(variant, { dataset: variant.name, dataRoot, seed: 0, trainLimit }, rest);
}

/** Puts an archive into the data root, as a user would. */
async function putByHand(variant: CifarVariant, archive: Buffer): Promise<string> {
  await mkdir(dataRoot, { recursive: true });
  const path = join(dataRoot, variant.archive.file);
  await writeFile(path, archive);
  return path;
}

/** An archive of the small CIFAR-10, and the variant that takes it for the official one. */
async function officialArchive() {
  const folder = await writeCifar(SMALL10, source);
  await writeFile(join(folder, 'batches.meta.txt'), CIFAR10.classes.join('\n'));
  await writeFile(join(folder, 'readme.html'), 'not needed');
  return archiveOf(SMALL10, source);
}

test('the published addresses and checksums are those of the binary versions', () => {
  assert.deepEqual(
    [CIFAR10, CIFAR100].map(({ archive }) => [archive.url, archive.md5]),
    [
      [
        'https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz',
        'c32a1d4ab5d03f1284b67883e8d87530',
      ],
      [
        'https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz',
        '03b5dce01913d631647c71ecec9e9cb8',
      ],
    ],
  );
});

test('what is not there is downloaded and unpacked, and is then known as official', async () => {
  const { variant, archive } = await officialArchive();
  await using server = await serve((request, response) => sendFile(archive, request, response));
  process.env.MOCO_CIFAR10_URL = server.url;
  const urls = new Set<string>();
  const { train, notices } = await load(variant, { onDownload: ({ url }) => void urls.add(url) });
  assert.equal(train.count, 1400);
  assert.deepEqual(notices, []);
  assert.deepEqual([...urls], [server.url]);
  assert.deepEqual(await readdir(dataRoot), ['cifar-10-batches-bin']);
  assert.deepEqual((await readdir(join(dataRoot, 'cifar-10-batches-bin'))).sort(), [
    '.moco-verified.json',
    'batches.meta.txt',
    'data_batch_1.bin',
    'data_batch_2.bin',
    'test_batch.bin',
  ]);
});

test('what was unpacked once is used again without the network', async () => {
  const { variant, archive } = await officialArchive();
  await using server = await serve((request, response) => sendFile(archive, request, response));
  process.env.MOCO_CIFAR10_URL = server.url;
  const first = await load(variant);
  const second = await load(variant, { trainLimit: 5 });
  assert.equal(server.asked.length, 1);
  assert.deepEqual(second.notices, []);
  assert.deepEqual(second.train.labels, first.train.labels.subarray(0, 5));
});

test('bytes that changed since then are used, and one line names the files', async () => {
  const { variant, archive } = await officialArchive();
  await putByHand(variant, archive);
  await load(variant);
  // The damage is behind the limit, because the whole file is checked and not only what is taken.
  const file = await open(join(dataRoot, variant.folder, 'data_batch_1.bin'), 'r+');
  await file.write(Uint8Array.of(99), 0, 1, 650 * 3073 + 17);
  await file.close();
  const { notices } = await load(variant, { trainLimit: 3 });
  assert.equal(notices.length, 1);
  assert.match(`${notices[0]}`, /not those of the official CIFAR-10 \(data_batch_1\.bin\)$/);
});

test('a marker of another archive, or a damaged one, vouches for nothing', async () => {
  const { variant, archive } = await officialArchive();
  await putByHand(variant, archive);
  await load(variant);
  const path = join(dataRoot, variant.folder, '.moco-verified.json');
  const marker = await readFile(path, 'utf8');
  for (const text of [marker.replace(variant.archive.md5, 'f00'), '{', '{}', '[]']) {
    await writeFile(path, text);
    assert.match(`${(await load(variant)).notices[0]}`, /not verified as the official/, text);
  }
  await writeFile(path, marker);
  assert.deepEqual((await load(variant)).notices, []);
});

test('a file of a download that was cut afterwards is noticed, at a whole record, too', async () => {
  const { variant, archive } = await officialArchive();
  await putByHand(variant, archive);
  await load(variant);
  const path = join(dataRoot, variant.folder, 'data_batch_2.bin');
  for (const [bytes, held] of [
    [699 * 3073, '699 records'],
    [700 * 3073 - 1, 'not a whole number of records'],
  ] as const) {
    await truncate(path, bytes);
    const { message } = await failure(load(variant, { trainLimit: 3 }), 'ERR_MOCO_DATA');
    assert.ok(message.includes(`data_batch_2.bin is truncated: ${bytes} bytes (${held})`), message);
  }
  await rm(path);
  const { message } = await failure(load(variant), 'ERR_MOCO_DATA');
  assert.match(message, /missing: data_batch_2\.bin$/);
});

test('an archive put there by hand is used without the network, and stays', async () => {
  await writeCifar(SMALL100, source);
  const { variant, archive } = await archiveOf(SMALL100, source);
  const path = await putByHand(variant, archive);
  const { train, notices } = await load(variant);
  assert.equal(train.count, 50);
  assert.deepEqual(notices, []);
  assert.ok((await stat(path)).isFile());
});

test('the archive of the version for Python, put there by hand, is used without the network', async () => {
  await writePythonCifar(SMALL100, source);
  const { variant, archive } = await archiveOf(SMALL100, source, [SMALL100.python.folder]);
  await mkdir(dataRoot, { recursive: true });
  await writeFile(join(dataRoot, variant.python.archive.file), archive);
  for (let count = 0; count < 2; count++) {
    const { train, test } = await load(variant);
    assert.deepEqual([train.count, test.count], [50, 20]);
  }
  assert.deepEqual((await readdir(dataRoot)).sort(), [
    'cifar-100-python',
    'cifar-100-python.tar.gz',
  ]);
});

test('an archive put there by hand that is not the official one is refused and stays', async () => {
  const { variant, archive } = await officialArchive();
  const path = await putByHand(variant, archive.subarray(0, -1));
  const { message, hint } = await failure(load(variant), 'ERR_MOCO_DATA');
  assert.ok(message.includes(`${path} is not the official archive of CIFAR-10`));
  assert.ok(message.includes(`expected ${variant.archive.md5}`));
  assert.match(`${hint}`, /Delete it/);
  assert.deepEqual(await readdir(dataRoot), [variant.archive.file]);
});

test('without a network, the error names the places for the archive and for the folder', async () => {
  const { url } = await (async () => {
    await using gone = await serve(() => {});
    return gone;
  })();
  process.env.MOCO_CIFAR10_URL = url;
  const { message, hint } = await failure(load(SMALL10), 'ERR_MOCO_NETWORK');
  assert.ok(message.includes(url));
  assert.ok(hint?.includes(SMALL10.archive.url));
  assert.ok(hint?.includes(join(dataRoot, 'cifar-10-binary.tar.gz')));
  assert.ok(hint?.includes(join(dataRoot, 'cifar-10-batches-bin')));
});

test('a downloaded archive that is another one is reported with both checksums, and deleted', async () => {
  const wrong = Buffer.alloc(5_000_000);
  await using server = await serve((request, response) => sendFile(wrong, request, response));
  process.env.MOCO_CIFAR10_URL = server.url;
  const { message, hint } = await failure(load(SMALL10), 'ERR_MOCO_NETWORK');
  const md5 = createHash('md5').update(wrong).digest('hex');
  for (const part of [server.url, md5, SMALL10.archive.md5, '5 MB']) {
    assert.ok(message.includes(part), part);
  }
  assert.ok(hint?.includes(SMALL10.archive.url));
  assert.deepEqual(await readdir(dataRoot), []);
});

/** A data set that no disk has room for, of an archive as large as another one. */
const HUGE10: CifarVariant = { ...SMALL10, train: { ...SMALL10.train, recordsPerFile: 1e14 } };

test('where there is too little room for the unpacked files, nothing is downloaded', async () => {
  const { archive } = await officialArchive();
  await using server = await serve((request, response) => sendFile(archive, request, response));
  process.env.MOCO_CIFAR10_URL = server.url;
  const { message, hint } = await failure(load(HUGE10), 'ERR_MOCO_OUTPUT');
  assert.match(message, /^cannot write .*, unpacked, needs \d+ MB there, \d+ MB are free$/);
  assert.match(`${hint}`, /--data-root/);
  assert.deepEqual(await readdir(dataRoot), []);
});

test('where there is too little room for them, an archive put there by hand is left alone', async () => {
  const { variant, archive } = await officialArchive();
  await putByHand(variant, archive);
  const huge = { ...HUGE10, archive: variant.archive };
  const { message } = await failure(load(huge), 'ERR_MOCO_OUTPUT');
  assert.match(message, /: CIFAR-10, unpacked, needs \d+ MB there, \d+ MB are free$/);
  assert.deepEqual(await readdir(dataRoot), [variant.archive.file]);
});

test('of two that need a data set at once one downloads it, and both use it', async () => {
  const { variant, archive } = await officialArchive();
  await using server = await serve((request, response) => sendFile(archive, request, response));
  process.env.MOCO_CIFAR10_URL = server.url;
  const [first, second] = await Promise.all([load(variant), load(variant)]);
  assert.deepEqual(first, second);
  assert.equal(server.asked.length, 1);
  assert.deepEqual(await readdir(dataRoot), [variant.folder]);
});

test('who waits for another download shows its progress, until a signal', async () => {
  await mkdir(dataRoot, { recursive: true });
  using _other = await FileLock.wait(join(dataRoot, `.${SMALL10.folder}.lock`));
  await writeFile(join(dataRoot, `${SMALL10.archive.file}.part`), Buffer.alloc(1234));
  const controller = new AbortController();
  const seen: DownloadProgress[] = [];
  const onDownload = (progress: DownloadProgress) => {
    seen.push(progress);
    controller.abort();
  };
  await failure(load(SMALL10, { onDownload, signal: controller.signal }), 'ERR_MOCO_ABORTED');
  const waitingFor = join(dataRoot, `.${SMALL10.folder}.lock`);
  const { url } = SMALL10.archive;
  assert.deepEqual(seen, [{ url, received: 1234, total: undefined, waitingFor }]);
});

test('a download that another run took over ends, and leaves what that one does alone', async () => {
  const { variant, archive } = await officialArchive();
  const lock = join(dataRoot, `.${variant.folder}.lock`);
  await using server = await serve((request, response) => {
    writeFileSync(lock, 'taken over');
    sendFile(archive, request, response);
  });
  process.env.MOCO_CIFAR10_URL = server.url;
  const { message } = await failure(load(variant), 'ERR_MOCO_OUTPUT');
  assert.match(message, /^another run took over the download to /);
  assert.ok((await readdir(dataRoot)).includes(`.${variant.folder}.lock`));
});

test('what a listener throws, at once or later, ends the download as it is, and nothing is tried again', async () => {
  const { variant, archive } = await officialArchive();
  await using server = await serve((request, response) => sendFile(archive, request, response));
  process.env.MOCO_CIFAR10_URL = server.url;
  const throwing = [
    () => {
      throw new RangeError('mine');
    },
    async () => {
      await nextTurn();
      throw new RangeError('mine');
    },
  ];
  for (const onDownload of throwing) {
    await assert.rejects(load(variant, { onDownload }), new RangeError('mine'));
  }
  assert.equal(server.asked.length, 2);
  await load(variant);
});

test('what a listener throws while another download is waited for ends the waiting', async () => {
  await mkdir(dataRoot, { recursive: true });
  using _other = await FileLock.wait(join(dataRoot, `.${SMALL10.folder}.lock`));
  await writeFile(join(dataRoot, `${SMALL10.archive.file}.part`), Buffer.alloc(1234));
  const onDownload = async () => {
    throw new RangeError('mine');
  };
  await assert.rejects(load(SMALL10, { onDownload }), new RangeError('mine'));
});

test('an address in the environment that is none is refused', async () => {
  for (const url of ['cifar.tar.gz', 'file:///cifar.tar.gz', 'http://']) {
    process.env.MOCO_CIFAR10_URL = url;
    const { message } = await failure(load(SMALL10), 'ERR_MOCO_CONFIG');
    assert.equal(message, `MOCO_CIFAR10_URL is no HTTP address: "${url}"`);
  }
});

test('nothing but the expected files leaves the archive', async () => {
  const folder = await writeCifar(SMALL10, source);
  await writeFile(join(source, 'outside.txt'), 'outside');
  await writeFile(join(folder, 'train.bin'), 'unexpected');
  await symlink('/etc/passwd', join(folder, 'batches.meta.txt'));
  await mkdir(join(source, 'elsewhere'));
  const names = [SMALL10.folder, 'outside.txt', 'elsewhere/../../source/outside.txt'];
  const { variant, archive } = await archiveOf(SMALL10, source, names);
  await putByHand(variant, archive);
  const { classes } = await load(variant);
  assert.deepEqual(classes, CIFAR10.classes);
  assert.deepEqual((await readdir(join(dataRoot, variant.folder))).sort(), [
    '.moco-verified.json',
    'data_batch_1.bin',
    'data_batch_2.bin',
    'test_batch.bin',
  ]);
  assert.deepEqual((await readdir(root)).sort(), ['data', 'source']);
});

test('an archive with a file too large leaves no folder', async () => {
  const folder = await writeCifar(SMALL10, source);
  await writeFile(join(folder, 'test_batch.bin'), Buffer.alloc(31 * 3073));
  const { variant, archive } = await archiveOf(SMALL10, source);
  await putByHand(variant, archive);
  const { message } = await failure(load(variant), 'ERR_MOCO_DATA');
  assert.match(message, /missing: test_batch\.bin/);
  assert.deepEqual(await readdir(dataRoot), [variant.archive.file]);
});

test('what an interrupted run left half unpacked is cleared', async () => {
  const { variant, archive } = await officialArchive();
  await putByHand(variant, archive);
  const left = join(dataRoot, '.cifar-10-batches-bin.unpacking');
  await mkdir(left);
  await writeFile(join(left, 'data_batch_1.bin'), 'half');
  assert.equal((await load(variant)).train.count, 1400);
  assert.deepEqual((await readdir(dataRoot)).sort(), [
    'cifar-10-batches-bin',
    'cifar-10-binary.tar.gz',
  ]);
});

test('a data root that cannot be made is reported', async () => {
  await writeFile(join(root, 'data'), 'a file');
  const { message } = await failure(load(SMALL10), 'ERR_MOCO_DATA');
  assert.ok(message.includes(dataRoot));
});
