import { throwIfAborted } from '../abort.js';
import * as check from '../arguments/check.js';
import { type DuplicatesConfigInput, duplicatesCommand } from '../config/duplicatesConfig.js';
import { withAbsolutePaths } from '../config/paths.js';
import { parseConfig } from '../config/resolve.js';
import type { Neighbour, PictureNeighbours } from '../evaluate/pictureNeighbours.js';
import type { DuplicateGroup, Duplicates } from './duplicates.js';
import type { DuplicateProgress } from './indexOptions.js';
import type { IndexDescription } from './indexTypes.js';
import { NeighbourIndex } from './neighbourIndex.js';
import { requirePageWritable, writePicturePage } from './picturePage.js';

export interface FindDuplicatesOptions {
  /** Is called now and then. */
  readonly onProgress?: ((progress: DuplicateProgress) => void) | undefined;
  /** Ends the search. */
  readonly signal?: AbortSignal | undefined;
}

/** What `findDuplicates` has found. */
export interface DuplicatesResult extends Duplicates {
  /** The page that was written, if one was asked for. */
  readonly page: string | undefined;
  readonly index: IndexDescription;
}

const ARGUMENTS = {
  options: check.options<FindDuplicatesOptions>({
    onProgress: check.callback,
    signal: check.signal,
  }),
};

/**
 * Finds the pictures of a feature file that are nearly the same, by the cosine similarity of their
 * features.
 * @param config what differs from the defaults
 * @throws MocoError as `NeighbourIndex.load`; `ERR_MOCO_OUTPUT` where the page cannot be written;
 * `ERR_MOCO_ABORTED`
 */
export async function findDuplicates(
  config: DuplicatesConfigInput,
  options: FindDuplicatesOptions = {},
): Promise<DuplicatesResult> {
  check.requireArguments('findDuplicates', ARGUMENTS, { options });
  const settings = withAbsolutePaths(duplicatesCommand, parseConfig(duplicatesCommand, config));
  const { signal, onProgress } = options;
  const { threshold, maxPairs, threads, html: page } = settings;
  throwIfAborted(signal, 'the search for duplicates');
  await requirePageWritable(page);
  const loading = { metric: 'cosine', threads, verify: true, signal } as const;
  await using index = await NeighbourIndex.load(settings.index, loading);
  const found = await index.duplicates({ threshold, maxPairs, onProgress, signal });
  await writePicturePage(page, {
    ...{ title: 'Duplicates', folder: settings.pictures },
    pictures: found.groups.map((group) => shownGroup(index, group, threshold)),
    explanation:
      'In each row: pictures that are nearly the same, each with its highest similarity to another.',
  });
  return { ...found, page, index: index.description };
}

/**
 * A group as the page has it: its first picture, and the others, each with its highest similarity
 * among the pairs that are listed.
 */
function shownGroup(
  index: NeighbourIndex,
  { rows, ids, pairs }: DuplicateGroup,
  threshold: number,
): PictureNeighbours {
  const highest = new Map<number, number>();
  for (const { rows: both, similarity } of pairs) {
    for (const row of both) if (!highest.has(row)) highest.set(row, similarity);
  }
  const shown = rows.map((row, at) => ({
    ...{ name: ids[at] as string, label: index.labelOf(row) },
    similarity: highest.get(row) ?? threshold,
  }));
  const [first, ...neighbours] = shown as [Neighbour, ...Neighbour[]];
  return { ...first, neighbours };
}
