import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { packPictures } from '#moco/pictures/packPictures.js';
import { pngOf, writeFiles } from '../../support/pictureFolder.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

test('a summary counts labels, sizes and duplicates, also those between splits', async (t) => {
  const folder = temporaryFolder(t);
  const [one, two, three] = [await pngOf(9, 8, 1), await pngOf(20, 30, 2), await pngOf(8, 8, 3)];
  await writeFiles(join(folder, 'pictures'), {
    ...{ 'train/a/1.png': one, 'train/a/2.png': two, 'train/b/1.png': one, 'train/3.png': three },
    ...{ 'test/a/1.png': one, 'val/b/2.png': await pngOf(16, 16, 4), 'train/b/x.png': 'broken' },
  });
  const { paths, mean, std, fingerprint, broken, notices, ...summary } = await packPictures(
    [join(folder, 'pictures')],
    join(folder, 'a.moco'),
    { labels: 'folders', storedSize: 16, imageSize: 14 },
  );
  assert.deepEqual(summary, {
    ...{ count: 6, storedSize: 16, imageSize: 14, formats: { png: 6 }, enlarged: 4 },
    splits: { train: 4, validation: 1, test: 1 },
    width: { least: 8, median: 9, most: 20 },
    height: { least: 8, median: 8, most: 30 },
    ...{ labelsFrom: 'folders', splitFrom: 'folders', unlabelled: 1 },
    labels: [
      { name: 'a', count: 3 },
      { name: 'b', count: 2 },
    ],
    duplicates: {
      ...{ groups: 1, surplus: 2, alsoTrained: 1 },
      examples: [['test/a/1.png', 'train/a/1.png', 'train/b/1.png']],
    },
  });
  assert.deepEqual([broken.length, notices.length], [1, 1]);
  assert.deepEqual(paths, [join(folder, 'a.moco')]);
});
