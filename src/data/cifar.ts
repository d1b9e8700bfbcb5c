import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fetchCifar } from './cifarArchive.js';
import { readClasses, requireCifarFiles, unreadable } from './cifarFolder.js';
import { readMarker, verificationNotice } from './cifarMarker.js';
import { readCifarSplit } from './cifarRecords.js';
import { type CifarVariant, splitCount } from './cifarVariant.js';
import type { Dataset, DatasetRequest, LoadOptions } from './dataset.js';
import { limitedCounts } from './pictureLimit.js';

/**
 * Loads the binary version of a CIFAR data set from its folder in the data root, which is
 * downloaded where it is not there. Only as much is read as the limits ask for, and files which
 * carry the marker of the official archive are checked against it on the way.
 * @throws MocoError `ERR_MOCO_DATA`, `_NETWORK`, `_OUTPUT`, `_CONFIG`, `_ABORTED`
 */
export async function loadCifar(
  variant: CifarVariant,
  request: DatasetRequest,
  options: LoadOptions = {},
): Promise<Dataset> {
  const { train, test } = variant;
  const count = limitedCounts(request, { train: splitCount(train), test: splitCount(test) });
  const folder = join(request.dataRoot, variant.folder);
  if (!(await exists(folder))) await fetchCifar(variant, request.dataRoot, options);
  await requireCifarFiles(variant, folder);
  const names = await readClasses(variant, folder);
  const marker = await readMarker(variant, folder);
  const reading = { hashed: marker !== undefined, signal: options.signal };
  const trainSplit = await readCifarSplit(variant, folder, train, count.train, reading);
  const testSplit = await readCifarSplit(variant, folder, test, count.test, reading);
  const sha256 = new Map([...trainSplit.sha256, ...testSplit.sha256]);
  return {
    name: variant.name,
    classes: names.classes,
    mean: variant.mean,
    std: variant.std,
    train: trainSplit.pictures,
    test: testSplit.pictures,
    notices: [...names.notices, ...verificationNotice(variant, folder, marker, sha256)],
  };
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw unreadable(path, cause);
  }
}
