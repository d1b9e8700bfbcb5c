import type { EmbedConfig } from '../config/embedConfig.js';
import { MocoError } from '../error.js';
import { type FolderRules, folderSource } from '../pictures/folderSource.js';
import { readFrom } from '../pictures/pack.js';
import { quietSharp } from '../pictures/sharp.js';
import { type PictureSource, SPLITS, type SplitName } from '../pictures/source.js';
import type { EmbedSource } from './embedSource.js';

/** Splits are those that folders hold; none is made by content. */
const BY_FOLDERS: Omit<FolderRules, 'labels'> = { split: 'auto', testFraction: 0, splitSeed: 0 };

/**
 * Pictures in folders, which are read as they are, in the order of their names.
 * @param side height and width to which they are decoded
 * @throws MocoError as `folderSource`; `ERR_MOCO_DATA` where folders hold no such split
 */
export async function folderPictures(
  { data, labels, subset }: Pick<EmbedConfig, 'data' | 'labels' | 'subset'>,
  side: number,
  signal: AbortSignal | undefined,
): Promise<EmbedSource> {
  const sizes = { storedSize: side, imageSize: side };
  const source = await folderSource(data, sizes, { ...BY_FOLDERS, labels }, signal);
  const selected = subset === 'all' ? source : ofSplit(source, subset);
  return {
    places: source.places,
    fingerprint: `${source.fingerprint} ${subset}`,
    count: selected.count,
    classes: source.classes,
    broken: source.broken,
    notices: source.notices,
    id: (candidate) => selected.name(candidate),
    label: (candidate) => selected.label(candidate),
    async *read(first) {
      using _quiet = await quietSharp();
      for await (const picture of readFrom(selected, first)) {
        const size = { width: side, height: side, channels: 3 } as const;
        yield 'reason' in picture ? picture : { data: picture.pixels, ...size };
      }
    },
  };
}

/** The pictures of one split. @throws MocoError `ERR_MOCO_DATA` where there are none */
function ofSplit(source: PictureSource, split: SplitName): PictureSource {
  const number = SPLITS.indexOf(split);
  const of = (candidate: number) => source.split(candidate, new Uint8Array());
  const isByFolder = source.rules.split === 'folders';
  const all = Array.from({ length: source.count }, (_, candidate) => candidate);
  const candidates = isByFolder ? all.filter((candidate) => of(candidate) === number) : [];
  if (candidates.length === 0) throw noSuch(source, split);
  const at = (index: number) => candidates[index] as number;
  return {
    ...source,
    count: candidates.length,
    name: (index) => source.name(at(index)),
    weight: (index) => source.weight(at(index)),
    read: (index) => source.read(at(index)),
    label: (index) => source.label(at(index)),
    split: () => number,
  };
}

function noSuch({ places }: PictureSource, split: SplitName): MocoError {
  const message = `${places.join(', ')}: no pictures in a folder ${split}`;
  return new MocoError('ERR_MOCO_DATA', message, {
    hint: 'Splits are folders: train, and val or test beside it. --subset all takes all pictures.',
  });
}
