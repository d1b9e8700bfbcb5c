import { PICTURE_BYTES, type SplitCounts } from './dataset.js';

/** Files of one split of the official data set, in reading order. */
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
 * How the files of a copy are written, as the authors publish them
 * (https://www.cs.toronto.edu/~kriz/cifar.html). `binary`: a file is nothing but records, a record is
 * one byte per label and 3 × 32 × 32 planar pixel bytes. `python`: a file is a pickled dictionary of
 * lists of labels and an array of all pictures.
 */
export type CifarLayout = 'binary' | 'python';

/** The layouts, the one that is preferred first. */
export const CIFAR_LAYOUTS: readonly CifarLayout[] = ['binary', 'python'];

/** What differs in the version for Python. */
export interface PythonVersion {
  readonly folder: string;
  readonly archive: { readonly file: string; readonly md5: string };
  /** What the dictionary in a data file calls the labels that are used. */
  readonly labels: string;
  /** The file with the names of the classes, and what the dictionary in it calls them. */
  readonly classes: { readonly file: string; readonly key: string };
  /** By file name: the published MD5 of the official files. */
  readonly md5: Readonly<Record<string, string>>;
}

/** A CIFAR data set. What does not say otherwise is about the binary version, which is downloaded. */
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
  readonly python: PythonVersion;
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
  python: {
    folder: 'cifar-10-batches-py',
    archive: { file: 'cifar-10-python.tar.gz', md5: 'c58f30108f718f92721af3b95e74349a' },
    labels: 'labels',
    classes: { file: 'batches.meta', key: 'label_names' },
    md5: {
      data_batch_1: 'c99cafc152244af753f735de768cd75f',
      data_batch_2: 'd4bba439e000b95fd0a9bffe97cbabec',
      data_batch_3: '54ebc095f3ab1f0389bbae665268c751',
      data_batch_4: '634d18415352ddfa80567beed471001a',
      data_batch_5: '482c414d41f54cd18b22e5b47cb7c3cb',
      test_batch: '40351d587109b95175f43aff81a1287e',
    },
  },
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
  python: {
    folder: 'cifar-100-python',
    archive: { file: 'cifar-100-python.tar.gz', md5: 'eb9058c3a382ffc7106e4002c42a8d85' },
    labels: 'fine_labels',
    classes: { file: 'meta', key: 'fine_label_names' },
    md5: {
      train: '16019d7e3df5f24257cddd939b257f8d',
      test: 'f0ef6b0ae62326f3e7ffdfab6717acfc',
    },
  },
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

/** The folder of a copy in the data root. */
export function folderIn(variant: CifarVariant, layout: CifarLayout): string {
  return layout === 'binary' ? variant.folder : variant.python.folder;
}

/** The official archive of a layout. */
export function archiveIn(
  variant: CifarVariant,
  layout: CifarLayout,
): { readonly file: string; readonly md5: string } {
  return layout === 'binary' ? variant.archive : variant.python.archive;
}

/** The name in a layout of a data file of the binary version. */
export function fileIn(layout: CifarLayout, file: string): string {
  return layout === 'binary' ? file : file.replace(/\.bin$/, '');
}

/** The file with the names of the classes. */
export function classFileIn(variant: CifarVariant, layout: CifarLayout): string {
  return layout === 'binary' ? variant.classFile : variant.python.classes.file;
}

/** Bytes of one record. */
export function recordBytes(variant: CifarVariant): number {
  return variant.labels.length + PICTURE_BYTES;
}

/** Pictures in the whole splits of the official data set. */
export function cifarCounts({ train, test }: CifarVariant): SplitCounts {
  return { train: splitCount(train), test: splitCount(test) };
}

function splitCount({ files, recordsPerFile }: CifarSplit): number {
  return files.length * recordsPerFile;
}

function words(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}
