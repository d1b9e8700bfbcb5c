import { PICTURE_BYTES, type SplitCounts } from './dataset.js';

/** Files of one split, in reading order. */
export interface CifarSplit {
  readonly files: readonly string[];
  /** Records in each of the files. */
  readonly recordsPerFile: number;
}

/** One of the labels of a record. */
export interface CifarLabel {
  /** What messages call it. */
  readonly name: string;
  /** How many values it can have, from 0 on. */
  readonly count: number;
}

/**
 * The binary version of a CIFAR data set, as its authors publish it
 * (https://www.cs.toronto.edu/~kriz/cifar.html). A file is nothing but records, a record is
 * one byte per label and 3 × 32 × 32 planar pixel bytes.
 */
export interface CifarVariant {
  readonly name: 'cifar10' | 'cifar100';
  /** The name of the data set, for messages. */
  readonly title: string;
  /** Folder in the data root, and the one folder that the archive holds. */
  readonly folder: string;
  readonly archive: {
    readonly file: string;
    readonly url: string;
    /** The environment variable with which a user names another address, such as a mirror's. */
    readonly urlVariable: string;
    readonly md5: string;
  };
  readonly train: CifarSplit;
  readonly test: CifarSplit;
  /** Labels of a record, in order, each a byte. `classes` names the last one, which is used. */
  readonly labels: readonly CifarLabel[];
  /** Text file with a class name per line; optional. */
  readonly classFile: string;
  /** Names by label, for a folder without `classFile`. */
  readonly classes: readonly string[];
  /** Per channel, on the 0…1 scale. */
  readonly mean: readonly [number, number, number];
  /** Per channel, on the 0…1 scale. */
  readonly std: readonly [number, number, number];
}

export const CIFAR10: CifarVariant = {
  name: 'cifar10',
  title: 'CIFAR-10',
  folder: 'cifar-10-batches-bin',
  archive: {
    file: 'cifar-10-binary.tar.gz',
    url: 'https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz',
    urlVariable: 'MOCO_CIFAR10_URL',
    md5: 'c32a1d4ab5d03f1284b67883e8d87530',
  },
  train: {
    files: [1, 2, 3, 4, 5].map((batch) => `data_batch_${batch}.bin`),
    recordsPerFile: 10_000,
  },
  test: { files: ['test_batch.bin'], recordsPerFile: 10_000 },
  labels: [{ name: 'label', count: 10 }],
  classFile: 'batches.meta.txt',
  classes: words('airplane automobile bird cat deer dog frog horse ship truck'),
  mean: [0.4914, 0.4822, 0.4465],
  std: [0.2023, 0.1994, 0.201],
};

export const CIFAR100: CifarVariant = {
  name: 'cifar100',
  title: 'CIFAR-100',
  folder: 'cifar-100-binary',
  archive: {
    file: 'cifar-100-binary.tar.gz',
    url: 'https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz',
    urlVariable: 'MOCO_CIFAR100_URL',
    md5: '03b5dce01913d631647c71ecec9e9cb8',
  },
  train: { files: ['train.bin'], recordsPerFile: 50_000 },
  test: { files: ['test.bin'], recordsPerFile: 10_000 },
  labels: [
    { name: 'coarse label', count: 20 },
    { name: 'label', count: 100 },
  ],
  classFile: 'fine_label_names.txt',
  classes: words(`
    apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus
    butterfly camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab
    crocodile cup dinosaur dolphin elephant flatfish forest fox girl hamster house kangaroo keyboard
    lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle mountain mouse mushroom
    oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine
    possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake
    spider squirrel streetcar sunflower sweet_pepper table tank telephone television tiger tractor
    train trout tulip turtle wardrobe whale willow_tree wolf woman worm`),
  mean: [0.5071, 0.4865, 0.4409],
  std: [0.2673, 0.2564, 0.2762],
};

/** Bytes of one record. */
export function recordBytes(variant: CifarVariant): number {
  return variant.labels.length + PICTURE_BYTES;
}

/** Pictures in the whole splits. */
export function cifarCounts({ train, test }: CifarVariant): SplitCounts {
  return { train: splitCount(train), test: splitCount(test) };
}

function splitCount({ files, recordsPerFile }: CifarSplit): number {
  return files.length * recordsPerFile;
}

function words(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}
