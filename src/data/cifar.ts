import { join } from 'node:path';
import { fetchCifar } from './cifarArchive.js';
import { exists, readClasses, requireCifarFiles } from './cifarFolder.js';
import { readMarker, verificationNotice } from './cifarMarker.js';
import { readCifarSplit } from './cifarRecords.js';
import { type CifarVariant, cifarCounts } from './cifarVariant.js';
import type { Dataset, DatasetRequest, LoadOptions } from './dataset.js';

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
  const whole = cifarCounts(variant);
  const { trainLimit = whole.train, testLimit = whole.test } = request;
  const folder = join(request.dataRoot, variant.folder);
  if (!(await exists(folder))) await fetchCifar(variant, request.dataRoot, options);
  await requireCifarFiles(variant, folder);
  const names = await readClasses(variant, folder);
  const marker = await readMarker(variant, folder);
  const reading = { hashed: marker !== undefined, signal: options.signal };
  const trainSplit = await readCifarSplit(variant, folder, variant.train, trainLimit, reading);
  const testSplit = await readCifarSplit(variant, folder, variant.test, testLimit, reading);
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
