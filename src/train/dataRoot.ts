import { dirname, isAbsolute, normalize, relative, resolve, sep } from 'node:path';
import type { TrainSettings } from '../config/trainConfig.js';
import { isDatasetThere } from '../data/datasetSize.js';
import { MocoError } from '../error.js';
import type { Checkpoint } from './checkpoint.js';

/** What says where a run's pictures lie. */
type DataPlace = Pick<TrainSettings, 'dataset' | 'dataRoot'> & Partial<Pick<TrainSettings, 'data'>>;

/**
 * Where the data set of a run that goes on lies. A relative data root means another folder where the
 * run goes on from elsewhere, or was moved: it is looked for in the working folder, and seen from the
 * run's own. One that is given anew is left as it is.
 * @param checkpoint to go on from; undefined for a run that starts
 * @param settings as they were given
 * @param here the absolute path of their data root
 * @returns what differs from the settings
 * @throws MocoError `ERR_MOCO_DATA` where the data set is in neither folder: nothing is downloaded to
 *   a folder that the run may never have meant
 */
export async function movedDataRoot(
  checkpoint: Pick<Checkpoint, 'config' | 'directory'> | undefined,
  { dataset, dataRoot, data = [] }: DataPlace,
  here: string,
): Promise<{ readonly dataRoot?: string }> {
  const isTheSame = checkpoint?.config.dataRoot === dataRoot;
  if (checkpoint === undefined || !isTheSame || isAbsolute(dataRoot)) return {};
  if (data.length > 0) return {}; // packed anew there, if need be
  const there = rootSeenFrom(checkpoint);
  if (here === there || (await isDatasetThere({ dataset, dataRoot: here }))) return {};
  if (there !== undefined && (await isDatasetThere({ dataset, dataRoot: there }))) {
    return { dataRoot: there };
  }
  const places = there === undefined ? here : `${here}, nor in ${there}`;
  throw new MocoError(
    'ERR_MOCO_DATA',
    `${dataset}, the data set of the run that goes on, is not in ${places}`,
    {
      hint: `Name the folder that it lies in with --data-root. With --data-root ${here} it is downloaded there.`,
    },
  );
}

/**
 * The data root as the run's own folder lies to it; undefined where that does not tell, since the
 * output folder did not lie in the working folder of the run.
 */
function rootSeenFrom({
  config: { out, dataRoot },
  directory,
}: Pick<Checkpoint, 'config' | 'directory'>): string | undefined {
  const isInside = !isAbsolute(out) && normalize(out).split(sep)[0] !== '..';
  return isInside ? resolve(dirname(directory), relative(out, dataRoot)) : undefined;
}
