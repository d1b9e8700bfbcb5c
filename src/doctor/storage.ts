import { join } from 'node:path';
import { lyingArchive } from '../data/cifarArchive.js';
import { cifarFiles, pictureCounts } from '../data/cifarFiles.js';
import { archiveIn, CIFAR10, CIFAR100, type CifarVariant } from '../data/cifarVariant.js';
import { findCifar } from '../data/findCifar.js';
import { freeSpace } from '../disk/freeSpace.js';
import { MocoError } from '../error.js';
import { requireWritable } from '../run/outputFolder.js';
import { type Finding, gigabytes } from './finding.js';

/** What a usual run writes, in bytes: models and checkpoints of a ResNet-50. */
const USUAL_RUN_BYTES = 1.5e9;

/** Whether runs can be written there, and for how many there is room. */
export async function outputFolder(out: string): Promise<Finding> {
  const subject = 'output folder';
  try {
    await requireWritable(out);
    const freeBytes = await freeSpace(out);
    const room = freeBytes === undefined ? 'of unknown size' : `${gigabytes(freeBytes)} free`;
    const isTight = freeBytes !== undefined && freeBytes < USUAL_RUN_BYTES;
    return {
      subject,
      state: isTight ? 'note' : 'good',
      message: `${out}: can be written to, ${room}`,
      hint: isTight
        ? `A run of a ResNet-50 needs ${gigabytes(USUAL_RUN_BYTES)}: free some space, or write elsewhere with --out.`
        : undefined,
      facts: { path: out, freeBytes },
    };
  } catch (error) {
    return failed(subject, error, { path: out });
  }
}

/** Which data sets are there, and how to get the others. */
export async function dataSets(dataRoot: string): Promise<Finding[]> {
  return [
    await cifar(CIFAR10, dataRoot),
    await cifar(CIFAR100, dataRoot),
    { subject: 'shapes', state: 'good', message: 'made by moco, needs no files' },
  ];
}

async function cifar(variant: CifarVariant, dataRoot: string): Promise<Finding> {
  const { name: subject, archive } = variant;
  try {
    const copy = await findCifar(variant, dataRoot);
    if (copy !== undefined) {
      const { folder } = copy;
      const { train, test } = pictureCounts(await cifarFiles(variant, copy));
      const message = `in ${folder}, ${train} training and ${test} test pictures`;
      return { subject, state: 'good', message, facts: { folder, train, test } };
    }
    const layout = await lyingArchive(variant, dataRoot);
    if (layout !== undefined) {
      const path = join(dataRoot, archiveIn(variant, layout).file);
      const message = `${path} is unpacked at first use`;
      return { subject, state: 'good', message, facts: { archive: path } };
    }
    return {
      subject,
      state: 'note',
      message: `not in ${dataRoot}; it is downloaded at first use`,
      hint: `Without a network: put ${archive.file} there, or name another folder with --data-root.`,
    };
  } catch (error) {
    return failed(subject, error, { dataRoot });
  }
}

function failed(subject: string, error: unknown, facts: Record<string, unknown>): Finding {
  const { code, message, hint } = MocoError.from(error);
  return { subject, state: 'bad', message, hint, facts: { ...facts, code } };
}
