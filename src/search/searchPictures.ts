import { throwIfAborted } from '../abort.js';
import * as check from '../arguments/check.js';
import { withAbsolutePaths } from '../config/paths.js';
import { parseConfig } from '../config/resolve.js';
import {
  type SearchConfig,
  type SearchConfigInput,
  searchCommand,
} from '../config/searchConfig.js';
import { loadFor } from '../embed/loadFor.js';
import type { PictureNeighbours } from '../evaluate/pictureNeighbours.js';
import type { FoundNeighbours, IndexDescription } from './indexTypes.js';
import { NeighbourIndex } from './neighbourIndex.js';
import { requirePageWritable, writePicturePage } from './picturePage.js';
import { requireSameModel } from './requireSameModel.js';

export interface SearchPicturesOptions {
  /** Ends the search. */
  readonly signal?: AbortSignal | undefined;
}

/** What `searchPictures` has found. */
export interface SearchPicturesResult {
  /** For each query, the pictures of the index that are nearest, by their ids. */
  readonly pictures: readonly PictureNeighbours[];
  /** The page that was written, if one was asked for. */
  readonly page: string | undefined;
  readonly index: IndexDescription;
  /** What the user should know of the model and the index, one line each. */
  readonly notices: readonly string[];
}

/** So few queries are compared with all rows in less time than coding these takes. */
const FEW = 8;

const ARGUMENTS = { options: check.options<SearchPicturesOptions>({ signal: check.signal }) };

/**
 * Finds the pictures of a feature file that are most similar to others.
 * @param config the pictures, and what differs from the defaults
 * @throws MocoError as `loadEncoder` and `NeighbourIndex.load`; `ERR_MOCO_DATA` for a picture that
 * cannot be read, `ERR_MOCO_CONFIG` where another model made the features, `ERR_MOCO_OUTPUT` where the
 * page cannot be written; `ERR_MOCO_ABORTED`
 */
export async function searchPictures(
  config: SearchConfigInput,
  options: SearchPicturesOptions = {},
): Promise<SearchPicturesResult> {
  check.requireArguments('searchPictures', ARGUMENTS, { options });
  const given = parseConfig(searchCommand, config);
  const settings = withAbsolutePaths(searchCommand, given);
  const { signal } = options;
  throwIfAborted(signal, 'the search');
  await requirePageWritable(settings.html);
  await using index = await openIndex(settings, signal);
  await using encoder = await loadFor(settings, index.meta.input ?? {}, signal);
  const notices = await requireSameModel(encoder.description, index, signal);
  const { output, normalized: normalize } = index.meta;
  const { data } = await encoder.embed(settings.queries, { output, normalize, signal });
  const found = await index.search(data, { k: settings.k, signal });
  const pictures = given.queries.map((name, query) => neighboursOf(index, found, name, query));
  await writePicturePage(settings.html, {
    ...{
      title: 'Similar pictures',
      pictures,
      folder: settings.pictures,
      queries: settings.queries,
    },
    explanation:
      'First in each row: what was looked for. Then the pictures whose features are nearest.',
  });
  const page = settings.html;
  const all = [...encoder.description.notices, ...notices];
  return { pictures, page, index: index.description, notices: all };
}

async function openIndex(
  { index, threads, queries }: SearchConfig,
  signal: AbortSignal | undefined,
): Promise<NeighbourIndex> {
  const firstPass = queries.length > FEW ? 'auto' : 'none';
  return await NeighbourIndex.load(index, { threads, firstPass, verify: true, signal });
}

function neighboursOf(
  index: NeighbourIndex,
  { k, ids, rows, similarities }: FoundNeighbours,
  name: string,
  query: number,
): PictureNeighbours {
  const neighbours = Array.from({ length: k }, (_, rank) => {
    const at = query * k + rank;
    const label = index.labelOf(rows[at] as number);
    return { name: ids[at] as string, label, similarity: similarities[at] as number };
  });
  return { name, label: undefined, neighbours };
}
