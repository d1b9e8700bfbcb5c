import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { create } from 'tar';
import { CIFAR10, CIFAR100, type CifarVariant, recordBytes } from '#moco/data/cifarVariant.js';

/** As CIFAR-10, but small: 2 × 700 pictures for training and 30 for testing. */
export const SMALL10: CifarVariant = {
  ...CIFAR10,
  train: { files: ['data_batch_1.bin', 'data_batch_2.bin'], recordsPerFile: 700 },
  test: { files: ['test_batch.bin'], recordsPerFile: 30 },
};

/** As CIFAR-100, but small: 50 pictures for training and 20 for testing. */
export const SMALL100: CifarVariant = {
  ...CIFAR100,
  train: { files: ['train.bin'], recordsPerFile: 50 },
  test: { files: ['test.bin'], recordsPerFile: 20 },
};

/**
 * The bytes of a data file: picture i has label i modulo the number of classes, coarse label 7 where
 * there is one, and pixel bytes that grow by one from i + `shift` on.
 */
export function cifarFile(variant: CifarVariant, records: number, shift = 0): Buffer {
  const bytes = recordBytes(variant);
  const labelBytes = variant.labels.length;
  const file = Buffer.alloc(records * bytes);
  for (let i = 0; i < records; i++) {
    const record = file.subarray(i * bytes, (i + 1) * bytes);
    if (labelBytes === 2) record[0] = 7;
    record[labelBytes - 1] = i % variant.classes.length;
    for (let at = labelBytes; at < bytes; at++) {
      record[at] = i + shift + at - labelBytes;
    }
  }
  return file;
}

/** The planes of a record, which follow its labels, as the pixels that are made of them. */
export function pixelsOf(planes: Uint8Array): Uint8Array {
  const plane = planes.length / 3;
  return planes.map((_, at) => planes[(at % 3) * plane + Math.floor(at / 3)] as number);
}

/** Writes all data files of a variant into its folder; file n has `shift` n. Returns the folder. */
export async function writeCifar(variant: CifarVariant, dataRoot: string): Promise<string> {
  const folder = join(dataRoot, variant.folder);
  await mkdir(folder, { recursive: true });
  let shift = 0;
  for (const { files, recordsPerFile } of [variant.train, variant.test]) {
    for (const file of files) {
      await writeFile(join(folder, file), cifarFile(variant, recordsPerFile, shift++));
    }
  }
  return folder;
}

/** Makes an archive of what is in `root`, and a variant that takes it for its official one. */
export async function archiveOf(
  variant: CifarVariant,
  root: string,
  names: string[] = [variant.folder],
): Promise<{ variant: CifarVariant; archive: Buffer }> {
  const path = join(root, 'archive.tar.gz');
  await create({ file: path, cwd: root, gzip: true, preservePaths: true }, names);
  const archive = await readFile(path);
  await rm(path);
  const md5 = createHash('md5').update(archive).digest('hex');
  const { python } = variant;
  return {
    variant: {
      ...variant,
      archive: { ...variant.archive, md5 },
      python: { ...python, archive: { ...python.archive, md5 } },
    },
    archive,
  };
}
