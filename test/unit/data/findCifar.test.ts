import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { loadCifar } from '#moco/data/cifar.js';
import type { CifarVariant } from '#moco/data/cifarVariant.js';
import { findCifar } from '#moco/data/findCifar.js';
import { failure } from '../../support/failure.js';
import { type FakeServer, serve } from '../../support/httpServer.js';
import { SMALL10, SMALL100, writeCifar } from '../../support/smallCifar.js';

/** Of a user, with a data root in it. */
let home: string;
let dataRoot: string;
/** Fails every download. */
let server: FakeServer;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'moco-find-'));
  dataRoot = join(home, 'data');
  server = await serve((_, response) => response.writeHead(404).end());
  process.env.MOCO_CIFAR10_URL = server.url;
  process.env.MOCO_CIFAR100_URL = server.url;
});
afterEach(async () => {
  assert.equal(server.asked.length, 0, 'a download was started');
  await server[Symbol.asyncDispose]();
  delete process.env.MOCO_CIFAR10_URL;
  delete process.env.MOCO_CIFAR100_URL;
  await rm(home, { recursive: true });
});

function load(variant: CifarVariant, root: string) {
  return loadCifar(variant, { dataset: variant.name, dataRoot: root, seed: 0 });
}

/** The first notice of a data set that is found in `folder`, elsewhere than usual below `root`. */
function foundIn(variant: CifarVariant, folder: string, root: string, flag: string): string {
  const usual = join(root, variant.folder);
  return `${variant.title} was found in ${folder}, not in ${usual}: --data-root ${flag} names it`;
}

test('a set in its usual folder is taken without a word about its place', async () => {
  const folder = await writeCifar(SMALL10, dataRoot);
  assert.deepEqual(await findCifar(SMALL10, dataRoot), { folder, layout: 'binary' });
  const { notices } = await load(SMALL10, dataRoot);
  assert.equal(notices.length, 1);
  assert.doesNotMatch(`${notices[0]}`, /was found in/);
});

for (const variant of [SMALL10, SMALL100]) {
  test(`a data root that is the folder of ${variant.title} itself is used`, async () => {
    const folder = await writeCifar(variant, dataRoot);
    const { train, notices } = await load(variant, folder);
    assert.ok(train.count > 0);
    assert.equal(notices[0], foundIn(variant, folder, folder, dataRoot));
  });

  test(`a data root one to two folders above is used, for ${variant.title}`, async () => {
    const folder = await writeCifar(variant, join(dataRoot, 'sets'));
    for (const root of [dataRoot, home]) {
      const { train, notices } = await load(variant, root);
      assert.ok(train.count > 0);
      assert.equal(notices[0], foundIn(variant, folder, root, join(dataRoot, 'sets')));
    }
  });
}

test('the folder of a set may have any name', async () => {
  const folder = await writeCifar(SMALL10, dataRoot);
  const own = join(dataRoot, 'My-Pictures');
  await rename(folder, own);
  for (const root of [dataRoot, own]) {
    const { notices } = await load(SMALL10, root);
    assert.equal(notices[0], foundIn(SMALL10, own, root, own));
  }
});

test('the case of the letters of its name makes no difference', async () => {
  const folder = await writeCifar(SMALL10, dataRoot);
  const other = join(dataRoot, 'CIFAR-10-Batches-bin');
  await rename(folder, other);
  assert.equal((await load(SMALL10, dataRoot)).train.count, 1400);
});

test('a folder inside one of the same name, as some programs unpack archives, is found', async () => {
  for (const outer of ['cifar-10-batches-bin', 'cifar-10-binary']) {
    const root = join(home, outer);
    const folder = await writeCifar(SMALL10, join(root, outer));
    const { notices } = await load(SMALL10, root);
    assert.equal(notices[0], foundIn(SMALL10, folder, root, join(root, outer)));
  }
});

test('a data root that is the folder of the other set leads to the one beside it', async () => {
  const folder10 = await writeCifar(SMALL10, dataRoot);
  const folder100 = await writeCifar(SMALL100, dataRoot);
  const { train, notices } = await load(SMALL100, folder10);
  assert.equal(train.count, 50);
  assert.equal(notices[0], foundIn(SMALL100, folder100, folder10, dataRoot));
});

test('a set beside the data root is used, and the data root need not be there', async () => {
  const folder = await writeCifar(SMALL10, home);
  for (let count = 0; count < 2; count++) {
    const { notices } = await load(SMALL10, dataRoot);
    assert.equal(notices[0], foundIn(SMALL10, folder, dataRoot, home));
    await mkdir(dataRoot, { recursive: true });
  }
  const inside = await writeCifar(SMALL10, join(dataRoot, 'a'));
  assert.equal((await findCifar(SMALL10, dataRoot))?.folder, inside);
});

test("into a set's own folder nothing is downloaded", async () => {
  const folder10 = await writeCifar(SMALL10, dataRoot);
  const { message, hint } = await failure(load(SMALL100, folder10), 'ERR_MOCO_DATA');
  assert.match(message, /cifar-10-batches-bin has the name of .* and does not hold CIFAR-100$/);
  assert.equal(hint, `Name the folder around it: --data-root ${dataRoot}`);
});

test('of several sets below the data root none is chosen', async () => {
  const folders = [
    await writeCifar(SMALL10, join(dataRoot, 'a')),
    await writeCifar(SMALL10, join(dataRoot, 'b')),
  ];
  const { message, hint } = await failure(load(SMALL10, dataRoot), 'ERR_MOCO_DATA');
  assert.ok(message.endsWith(`several copies lie below: ${folders.join(', ')}`), message);
  assert.equal(hint, `Name one of them, such as --data-root ${join(dataRoot, 'a')}`);
});

test('one that lies nearer is taken before one that lies deeper', async () => {
  const near = await writeCifar(SMALL10, join(dataRoot, 'a'));
  await writeCifar(SMALL10, join(dataRoot, 'b', 'c'));
  assert.equal((await findCifar(SMALL10, dataRoot))?.folder, near);
});

test('what only has the names of the files is not taken for a set', async () => {
  for (const name of ['train', 'test', 'train.bin', 'test.bin']) {
    await mkdir(join(dataRoot, 'photos', name), { recursive: true });
    await mkdir(join(dataRoot, 'texts'), { recursive: true });
    await writeFile(join(dataRoot, 'texts', name), 'tokens');
  }
  assert.equal(await findCifar(SMALL100, dataRoot), undefined);
});

test('an incomplete set in its usual folder is reported, and not replaced', async () => {
  const folder = await writeCifar(SMALL10, dataRoot);
  await rm(join(folder, 'test_batch.bin'));
  const { message } = await failure(load(SMALL10, dataRoot), 'ERR_MOCO_DATA');
  assert.equal(message, `${folder} does not hold CIFAR-10: missing: test_batch.bin`);
  await rm(join(folder), { recursive: true });
  await mkdir(folder);
  const empty = await failure(load(SMALL10, dataRoot), 'ERR_MOCO_DATA');
  assert.equal(
    empty.message,
    `${folder} does not hold CIFAR-10: missing: data_batch_1.bin, test_batch.bin`,
  );
});

test('links are followed, and one that leads nowhere is reported', async () => {
  const folder = await writeCifar(SMALL10, join(home, 'disk'));
  await mkdir(dataRoot);
  await symlink(folder, join(dataRoot, SMALL10.folder));
  assert.equal((await load(SMALL10, dataRoot)).notices.length, 1);
  await symlink(join(home, 'disk'), join(home, 'linked'));
  assert.equal((await load(SMALL10, join(home, 'linked'))).train.count, 1400);
  await rename(join(home, 'disk'), join(home, 'unplugged'));
  for (const [root, link] of [
    [dataRoot, join(dataRoot, SMALL10.folder)],
    [join(home, 'linked'), join(home, 'linked')],
  ] as const) {
    const { message } = await failure(load(SMALL10, root), 'ERR_MOCO_DATA');
    assert.ok(message.startsWith(`${link} is a link to ${join(home, 'disk')}`), message);
    assert.match(message, /which is not there$/);
  }
});

test('links in a circle end the search', async () => {
  await mkdir(join(dataRoot, 'a'), { recursive: true });
  await symlink(dataRoot, join(dataRoot, 'a', 'up'));
  assert.equal(await findCifar(SMALL10, dataRoot), undefined);
});

test('a data root that is a file is reported', async () => {
  const archive = join(home, 'cifar-10-binary.tar.gz');
  await writeFile(archive, '');
  const { message, hint } = await failure(load(SMALL10, archive), 'ERR_MOCO_DATA');
  assert.equal(message, `${archive} is not a folder`);
  assert.match(`${hint}`, /--data-root/);
});

test('a relative data root is searched, too', async () => {
  const folder = await writeCifar(SMALL10, dataRoot);
  assert.equal((await load(SMALL10, relative(process.cwd(), folder))).train.count, 1400);
});

test('a folder that cannot be read is reported where it is named, and passed over below', {
  skip: process.getuid?.() === 0 && 'root reads everything',
}, async () => {
  const folder = await writeCifar(SMALL10, dataRoot);
  await mkdir(join(home, 'closed'), { mode: 0 });
  assert.equal((await load(SMALL10, home)).train.count, 1400);
  await chmod(folder, 0);
  const { message } = await failure(load(SMALL10, dataRoot), 'ERR_MOCO_DATA');
  assert.match(message, /cannot read .*cifar-10-batches-bin/);
  await chmod(folder, 0o755);
});
