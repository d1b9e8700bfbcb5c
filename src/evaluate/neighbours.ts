import { basename, dirname } from 'node:path';
import * as check from '../arguments/check.js';
import { requirePictures } from '../config/dataChecks.js';
import {
  type NeighboursConfigInput,
  neighboursCommand,
  neighboursPictureChecks,
} from '../config/neighboursConfig.js';
import { withAbsolutePaths } from '../config/paths.js';
import { parseConfig } from '../config/resolve.js';
import type { Pictures } from '../data/dataset.js';
import { writeFileAtomic } from '../disk/atomicFile.js';
import { makeFolder } from '../disk/folder.js';
import { StoppableWork } from '../native/stoppableWork.js';
import { findInput, type InputDataset, type InputOptions } from '../pictures/input.js';
import { readPixels } from '../pictures/readPixels.js';
import { thumbnailOf } from '../pictures/thumbnail.js';
import { requireWritable } from '../run/outputFolder.js';
import { createEvaluator, type EvaluatorDescription } from './createEvaluator.js';
import { measuredModel } from './measuredModel.js';
import { neighbourPage } from './neighbourPage.js';
import type { NamedPicture, PictureNeighbours } from './pictureNeighbours.js';

/** What `neighbours` has found. */
export interface NeighboursResult {
  /** The page that was written. */
  readonly page: string;
  readonly pictures: readonly PictureNeighbours[];
  readonly description: EvaluatorDescription;
  /** What the user should know of the model and the data, one line each. */
  readonly notices: readonly string[];
}

const ARGUMENTS = {
  options: check.options<InputOptions>({
    onDownload: check.callback,
    onPack: check.callback,
    signal: check.signal,
  }),
};

/**
 * Shows what a model takes for alike: a page of test pictures, each with the training pictures whose
 * features (of the backbone, L2-normalised) are nearest. It needs no labels.
 * @param config what differs from the defaults
 * @throws MocoError as `knn`, and `ERR_MOCO_OUTPUT` where the page cannot be written
 */
export async function neighbours(
  config: NeighboursConfigInput,
  options: InputOptions = {},
): Promise<NeighboursResult> {
  check.requireArguments('neighbours', ARGUMENTS, { options });
  const settings = parseConfig(neighboursCommand, config);
  const work = new StoppableWork('the search', options.signal);
  const located = withAbsolutePaths(neighboursCommand, settings);
  await requireWritable(dirname(located.page));
  const { model, config: measured } = await measuredModel(located);
  const input = await findInput(measured, options);
  requirePictures(neighboursCommand, neighboursPictureChecks, settings, input.size);
  await using evaluator = await createEvaluator(measured, model, input, work);
  const { native, dataset, description, notices } = evaluator;
  const queries = spread(settings.queries, dataset.test.count);
  const found = await work.run(native, () => native.nearest({ queries, k: settings.k }));
  const named = await names(dataset);
  const pictures = queries.map((query, at) => ({
    ...named('test', query),
    neighbours: Array.from({ length: settings.k }, (_, rank) => ({
      ...named('train', found.pictures[at * settings.k + rank] as number),
      similarity: found.similarities[at * settings.k + rank] as number,
    })),
  }));
  const images = {
    queries: await thumbnails(dataset.test, queries),
    neighbours: await thumbnails(dataset.train, [...found.pictures]),
  };
  const [file, data] = [measured.modelPath, dataset.name].map((path) => basename(path));
  const text = {
    title: 'Nearest pictures',
    explanation:
      `${file} (${measured.arch}) on ${data}. First in each row: a test picture. Then the training ` +
      'pictures whose features are nearest, with their cosine similarity.',
  };
  await makeFolder(dirname(located.page));
  await writeFileAtomic(located.page, neighbourPage(text, pictures, images));
  return { page: located.page, pictures, description, notices };
}

/** Numbers of so many pictures, or of all, with the same distance between them. */
function spread(wanted: number, count: number): number[] {
  const length = Math.min(wanted, count);
  return Array.from({ length }, (_, index) => Math.floor((index * count) / length));
}

async function names({ names, classes, ...splits }: InputDataset) {
  const files = await names?.();
  return (split: 'train' | 'test', number: number): NamedPicture => {
    const { pixels, labels } = splits[split];
    const isInMemory = pixels instanceof Uint8Array;
    const file = isInMemory ? undefined : files?.[pixels.rows[number] as number];
    return { name: file ?? `${split} ${number}`, label: classes[labels[number] as number] };
  };
}

async function thumbnails(pictures: Pictures, numbers: readonly number[]): Promise<string[]> {
  const pixels = await readPixels(pictures, numbers);
  return await Promise.all(pixels.map((each) => thumbnailOf(each, pictures.height)));
}
