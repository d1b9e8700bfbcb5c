import { join } from 'node:path';
import { throwIfAborted } from '../abort.js';
import type { LoadOptions, PackedDatasetName } from '../data/dataset.js';
import { whileListening } from '../download/whileListening.js';
import type { PackedPictures } from './openPacked.js';
import { type PackOptions, packSource } from './pack.js';
import { packedOnce } from './packedFor.js';
import { quietSharp, sharpVersion } from './sharp.js';
import { STL10_SIDE, stl10Source } from './stl10.js';
import { TINY_IMAGENET_SIDE, tinyImagenetSource } from './tinyImagenet.js';

/** Height and width of the pictures of each, in pixels. */
const PACKED_SIDES: Readonly<Record<PackedDatasetName, number>> = {
  stl10: STL10_SIDE,
  'tiny-imagenet': TINY_IMAGENET_SIDE,
};

/**
 * The packed file of a data set that has a name, below `<dataRoot>/packed`: its pictures as they are,
 * without a margin. STL-10 is fetched where it is not there.
 * @throws MocoError `ERR_MOCO_DATA` for missing or wrong files, those of a download,
 *   `ERR_MOCO_OUTPUT`, `ERR_MOCO_ABORTED`
 */
export async function packedNamed(
  name: PackedDatasetName,
  dataRoot: string,
  options: PackOptions & LoadOptions = {},
): Promise<PackedPictures> {
  throwIfAborted(options.signal, 'loading the data set');
  return name === 'stl10'
    ? await packedStl10(dataRoot, options)
    : await packedTinyImagenet(dataRoot, options);
}

async function packedStl10(
  dataRoot: string,
  { onDownload, ...options }: PackOptions & LoadOptions,
): Promise<PackedPictures> {
  const source = await whileListening(onDownload, options.signal, (onDownload, signal) =>
    stl10Source(dataRoot, { onDownload, signal }),
  );
  const path = pathBelow(dataRoot, 'stl10');
  return await packedOnce(source, path, options, async (packaging) => {
    await packSource(source, path, { strict: true }, packaging);
  });
}

async function packedTinyImagenet(dataRoot: string, options: PackOptions): Promise<PackedPictures> {
  const source = await tinyImagenetSource(dataRoot, options.signal);
  const path = pathBelow(dataRoot, 'tiny-imagenet');
  return await packedOnce(source, path, options, async (packaging) => {
    using _quiet = await quietSharp();
    const sharp = await sharpVersion();
    await packSource(source, path, { strict: false, sharp }, packaging);
  });
}

function pathBelow(dataRoot: string, name: PackedDatasetName): string {
  return join(dataRoot, 'packed', `${name}-${PACKED_SIDES[name]}.moco`);
}
