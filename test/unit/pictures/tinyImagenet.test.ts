import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { datasetOf } from '#moco/pictures/datasetOf.js';
import { packedNamed } from '#moco/pictures/packedNamed.js';
import { failure } from '../../support/failure.js';
import { writeFiles, writePictures } from '../../support/pictureFolder.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

const FILES = [
  'train/n02/images/n02_0.JPEG',
  'train/n02/images/n02_1.JPEG',
  'train/n01/images/n01_0.JPEG',
  'val/images/val_0.JPEG',
  'val/images/val_1.JPEG',
  'test/images/test_0.JPEG',
];

test('Tiny ImageNet has its labels from folders and from its list, and is measured on val', async (t) => {
  const dataRoot = temporaryFolder(t);
  const folder = join(dataRoot, 'tiny-imagenet-200');
  await writePictures(folder, FILES, 64);
  await writeFiles(folder, {
    'wnids.txt': 'n01\nn02\n',
    'train/n01/n01_boxes.txt': 'n01_0.JPEG\t0\t0\t9\t9\n',
    'val/val_annotations.txt': 'val_0.JPEG\tn02\t0\t0\t9\t9\nval_1.JPEG\tn01\t1\t1\t5\t5\n',
  });
  const { train, test, classes, cropShare } = datasetOf(
    await packedNamed('tiny-imagenet', dataRoot),
  );
  assert.deepEqual(classes, ['n01', 'n02']);
  assert.deepEqual([...train.labels], [0, 1, 1]);
  assert.deepEqual([...test.labels], [1, 0]);
  assert.deepEqual([train.width, cropShare], [64, 1]);
  await rm(join(folder, 'val/val_annotations.txt'));
  const { message } = await failure(packedNamed('tiny-imagenet', dataRoot), 'ERR_MOCO_DATA');
  assert.match(message, /cannot read .*val_annotations\.txt/);
});

test('where it is not there, the error says where to get it', async (t) => {
  const { message, hint } = await failure(packedNamed('tiny-imagenet', temporaryFolder(t)));
  assert.match(message, /Tiny ImageNet is not in .*tiny-imagenet-200/);
  assert.match(`${hint}`, /tiny-imagenet-200\.zip/);
});
