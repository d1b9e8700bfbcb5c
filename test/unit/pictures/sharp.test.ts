import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import sharp from 'sharp';
import { loadSharp, quietSharp } from '#moco/pictures/sharp.js';
import { executable } from '../../support/moco.js';
import { writePictures } from '../../support/pictureFolder.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

const dataUrl = (code: string) => `data:text/javascript,${encodeURIComponent(code)}`;

/** A module after which importing sharp does this, in place of finding it. */
const sharpThat = (does: string) =>
  dataUrl(`
    import { register } from 'node:module';
    register(${JSON.stringify(
      dataUrl(`export const resolve = (name, context, next) => {
        if (name === 'sharp') ${does};
        return next(name, context);
      };`),
    )});
  `);

for (const [what, does, message] of [
  [
    'is not installed',
    "throw Object.assign(new Error('none'), { code: 'ERR_MODULE_NOT_FOUND' })",
    /are decoded by sharp, which is not installed/,
  ],
  [
    'cannot be loaded',
    "throw new Error('Could not load the module\\nmany lines')",
    /are decoded by sharp, which cannot be loaded: Could not load the module \[/,
  ],
] as const) {
  test(`where sharp ${what}, packing says what to do`, async (t) => {
    const folder = temporaryFolder(t);
    await writePictures(folder, ['1.png']);
    const words = ['--import', sharpThat(does), executable];
    const pack = [...words, 'data', 'pack', folder, '--out', join(folder, 'a.moco')];
    const { status, stderr } = spawnSync(process.execPath, pack, { encoding: 'utf8' });
    assert.equal(status, 1);
    assert.match(stderr, message);
    assert.match(stderr, /hint: Install it beside moco: npm install sharp/);
  });
}

test('settings of sharp are as before when packing ends', async () => {
  const before = [(await loadSharp()).concurrency(), sharp.cache()];
  {
    using _quiet = await quietSharp();
    assert.equal(sharp.concurrency(), 1);
    assert.equal(sharp.cache().memory.max, 0);
  }
  const { memory, files, items } = before[1] as ReturnType<typeof sharp.cache>;
  assert.equal(sharp.concurrency(), before[0]);
  const now = sharp.cache();
  assert.deepEqual(
    [now.memory.max, now.files.max, now.items.max],
    [memory.max, files.max, items.max],
  );
});
