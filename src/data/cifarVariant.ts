/** Files of one split, in reading order. */
export interface CifarSplit {
  readonly files: readonly string[];
  /** Records in each of the files. */
  readonly recordsPerFile: number;
}

/**
 * The binary version of a CIFAR data set, as its authors publish it
 * (https://www.cs.toronto.edu/~kriz/cifar.html). A file is nothing but records, a record is
 * `labelBytes` label bytes and 3 × 32 × 32 planar pixel bytes.
 */
export interface CifarVariant {
  readonly name: 'cifar10' | 'cifar100';
  /** What people call it. */
  readonly title: string;
  /** Folder in the data root, and the one folder that the archive holds. */
  readonly folder: string;
  readonly archive: {
    readonly file: string;
    readonly url: string;
    /** Environment variable that names another address, for mirrors. */
    readonly urlVariable: string;
    readonly md5: string;
  };
  readonly train: CifarSplit;
  readonly test: CifarSplit;
  /** Label bytes of a record. The last one is used: CIFAR-100 has the coarse label before it. */
  readonly labelBytes: 1 | 2;
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
  labelBytes: 1,
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
  labelBytes: 2,
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
  return variant.labelBytes + PICTURE_BYTES;
}

/** Height and width of a picture, in pixels. */
export const PICTURE_SIDE = 32;

/** Bytes of one picture: 3 × 32 × 32. */
export const PICTURE_BYTES = 3 * PICTURE_SIDE * PICTURE_SIDE;

/** Pictures in a whole split. */
export function splitCount(split: CifarSplit): number {
  return split.files.length * split.recordsPerFile;
}

function words(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}
