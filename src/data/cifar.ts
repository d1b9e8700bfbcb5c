import { whileListening } from '../download/whileListening.js';
import { fetchCifar } from './cifarArchive.js';
import { readClasses } from './cifarClasses.js';
import { cifarFiles, pictureCounts } from './cifarFiles.js';
import { officialChecksums, verificationNotice } from './cifarMarker.js';
import { readCifarSplit } from './cifarSplit.js';
import { type CifarVariant, cifarCounts } from './cifarVariant.js';
import type {
  Dataset,
  DatasetRequest,
  LoadOptions,
  PicturesInMemory,
  SplitCounts,
} from './dataset.js';
import { findCifar, placeNotice } from './findCifar.js';

/**
 * Loads a CIFAR data set from its files in the data root, in either version, or near it; it is
 * downloaded where there are none. Only as much is read as the limits ask for, and files that should
 * be the official ones are checked on the way.
 * @throws MocoError `ERR_MOCO_DATA`, `_NETWORK`, `_OUTPUT`, `_CONFIG`, `_ABORTED`
 */
export async function loadCifar(
  variant: CifarVariant,
  request: DatasetRequest,
  options: LoadOptions = {},
): Promise<Dataset<PicturesInMemory>> {
  const { dataRoot, trainLimit = Infinity, testLimit = Infinity } = request;
  const fetched = () =>
    whileListening(options.onDownload, options.signal, (onDownload, signal) =>
      fetchCifar(variant, dataRoot, { onDownload, signal }),
    );
  const copy = (await findCifar(variant, dataRoot)) ?? (await fetched());
  const files = await cifarFiles(variant, copy);
  const whole = pictureCounts(files);
  const names = await readClasses(variant, copy);
  const official = await officialChecksums(variant, copy);
  const reading = { hashed: official !== undefined, signal: options.signal };
  const [trainCount, testCount] = [
    Math.min(trainLimit, whole.train),
    Math.min(testLimit, whole.test),
  ];
  const trainSplit = await readCifarSplit(variant, copy, files.train, trainCount, reading);
  const testSplit = await readCifarSplit(variant, copy, files.test, testCount, reading);
  const checksums = new Map([...trainSplit.checksums, ...testSplit.checksums]);
  return {
    name: variant.name,
    classes: names.classes,
    mean: variant.mean,
    std: variant.std,
    train: trainSplit.pictures,
    test: testSplit.pictures,
    cropShare: 1,
    notices: [
      ...placeNotice(variant, dataRoot, copy),
      ...names.notices,
      ...verificationNotice(variant, copy.folder, official, checksums),
      ...sizeNotice(variant, copy.folder, whole),
    ],
  };
}

/** One line for the user where there are more or fewer pictures than in the official data set. */
function sizeNotice(variant: CifarVariant, folder: string, { train, test }: SplitCounts): string[] {
  const official = cifarCounts(variant);
  if (train === official.train && test === official.test) return [];
  return [
    `${folder}: holds ${train} training and ${test} test pictures, the official ${variant.title} ` +
      `${official.train} and ${official.test}`,
  ];
}
