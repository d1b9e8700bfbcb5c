import { stat } from 'node:fs/promises';
import { throwIfAborted } from '../abort.js';
import * as check from '../arguments/check.js';
import { absolute } from '../arguments/paths.js';
import { whileListening } from '../download/whileListening.js';
import { folderSource } from './folderSource.js';
import { byName } from './names.js';
import { contentFingerprint, openPacked } from './openPacked.js';
import { noneReadable, type Packaging, type PackOptions, readInOrder } from './pack.js';
import type { FolderRequest } from './packedFor.js';
import { pictureBytes } from './packedMeta.js';
import { aList, folderRequest, PICTURE_RULES, type PictureRules } from './packPictures.js';
import { quietSharp } from './sharp.js';
import type { BrokenFile } from './source.js';
import { type PicturesSummary, type Summarised, summaryAt, summaryOf } from './summary.js';
import { addSums, channelSums, meanAndStd, NO_SUMS, Tally } from './tally.js';

/** For folders, how they would be packed; a packed file is taken as it was made. */
export interface InspectPicturesOptions extends PictureRules, PackOptions {}

const ARGUMENTS = {
  paths: aList,
  options: check.options<InspectPicturesOptions>({
    ...PICTURE_RULES,
    onProgress: check.callback,
    signal: check.signal,
  }),
};

/**
 * Tells what is in a packed file, or in folders of pictures, which are read for it; nothing is
 * written.
 * @param paths one packed file, or folders
 * @throws MocoError `ERR_MOCO_DATA` for what cannot be read, `ERR_MOCO_CONFIG`, `ERR_MOCO_ABORTED`
 */
export async function inspectPictures(
  paths: readonly string[],
  options: InspectPicturesOptions = {},
): Promise<PicturesSummary> {
  check.requireArguments('inspectPictures', ARGUMENTS, { paths, options });
  const { onProgress, signal, ...rules } = options;
  const [path = ''] = paths.map(absolute);
  const isFile = paths.length === 1 && (await stat(path).catch(() => undefined))?.isFile();
  if (isFile) return await summaryOf(await openPacked(path));
  const request = folderRequest(paths, rules);
  return await whileListening(onProgress, signal, async (tell, signal) =>
    summaryAt(request.folders, await readFolders(request, { tell, signal })),
  );
}

/** Reads everything that a packed file would hold, except for the pixels. */
async function readFolders(
  request: FolderRequest,
  { tell, signal }: Packaging,
): Promise<Summarised> {
  const { folders, storedSize, imageSize } = request;
  const source = await folderSource(folders, request, request, signal);
  using _quiet = await quietSharp();
  const broken: BrokenFile[] = [...source.broken];
  const tally = new Tally(source);
  let [sums, candidate] = [NO_SUMS, 0];
  const from = { next: 0, broken: source.broken };
  for await (const picture of readInOrder(source, folders.join(', '), from, tell)) {
    throwIfAborted(signal, `reading ${folders.join(', ')}`);
    if ('reason' in picture) {
      broken.push({ name: source.name(candidate), reason: picture.reason });
    } else {
      const split = Uint8Array.of(tally.add(candidate, picture));
      sums = addSums(sums, channelSums(picture.pixels, pictureBytes(storedSize), split));
    }
    candidate += 1;
  }
  if (tally.count === 0) throw noneReadable(source, broken);
  const { classes, notices, rules } = source;
  const { labels, splits, sizes, hashes } = tally;
  const formats = Object.fromEntries(tally.formats);
  return {
    ...{ classes, labels, splits, sizes, hashes, broken: byName(broken) },
    names: async () => tally.names(),
    meta: { ...rules, ...meanAndStd(sums), storedSize, imageSize, formats, notices: [...notices] },
    fingerprint: contentFingerprint(storedSize, [labels, splits, hashes], classes),
  };
}
