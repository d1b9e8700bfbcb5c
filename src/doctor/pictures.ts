import { type PackedDatasetName, STL10_FOLDER, TINY_IMAGENET_FOLDER } from '../data/dataset.js';
import { isDatasetThere } from '../data/datasetSize.js';
import { MocoError } from '../error.js';
import { sharpVersion } from '../pictures/sharp.js';
import type { Finding } from './finding.js';

/** Whether folders of pictures can be read. */
export async function pictureDecoder(): Promise<Finding> {
  const subject = 'own pictures';
  try {
    const version = await sharpVersion();
    const message = `decoded by sharp ${version}`;
    return { subject, state: 'good', message, facts: { sharp: version } };
  } catch (error) {
    const { message, hint } = MocoError.from(error);
    return { subject, state: 'note', message: `${message}; all else works without it`, hint };
  }
}

/** By data set: its folder in the data root, and how to get it. */
const PACKED: readonly (readonly [PackedDatasetName, folder: string, otherwise: string])[] = [
  ['stl10', STL10_FOLDER, 'it is downloaded at first use (2.6 GB)'],
  ['tiny-imagenet', TINY_IMAGENET_FOLDER, 'unpack tiny-imagenet-200.zip of its authors there'],
];

/** Which of the data sets are there that are packed before they are used. */
export async function packedDataSets(dataRoot: string): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const [dataset, folder, otherwise] of PACKED) {
    // That the data root cannot be read is among the other findings.
    const isThere = await isDatasetThere({ dataset, dataRoot }).catch(() => false);
    const message = isThere ? `in ${dataRoot}` : `${folder} is not in ${dataRoot}; ${otherwise}`;
    findings.push({ subject: dataset, state: isThere ? 'good' : 'note', message });
  }
  return findings;
}
