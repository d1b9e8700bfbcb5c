import { basename, join } from 'node:path';
import type { LinearConfig } from '../config/linearConfig.js';
import { makeFolder } from '../disk/folder.js';
import { removeLeftovers } from '../disk/leftovers.js';
import { MocoError } from '../error.js';
import type { StoppableWork } from '../native/stoppableWork.js';
import { movePreviousRun } from '../run/previousRun.js';
import { RunLock } from '../run/runLock.js';
import type { Evaluator } from './createEvaluator.js';
import type { LinearDescription, LinearEvent, LinearFiles } from './linearEvents.js';
import { linearModelDescription } from './linearModelDescription.js';
import { LinearRun } from './linearRun.js';
import { linearSweep } from './linearSweep.js';
import { nativeWarnings } from './nativeWarnings.js';

/**
 * A linear evaluation with its files: earlier ones are moved aside, and no other evaluation writes
 * there meanwhile. Leaving the loop early ends it after its current step.
 * @param out the folder for its files, wherever the working folder is
 * @throws MocoError `ERR_MOCO_ABORTED` after the signal, `_NON_FINITE`, `_OUTPUT`, `_OUT_OF_MEMORY`
 */
export async function* linearEvaluation(
  evaluator: Evaluator,
  config: LinearConfig,
  out: string,
  work: StoppableWork,
): AsyncGenerator<LinearEvent, void, void> {
  work.throwIfStopped();
  const { cached } = config;
  await makeFolder(out);
  const run = join(out, cached ? 'linear_cached' : 'linear');
  const lock = yield* RunLock.acquire(run, work.signal);
  try {
    const files = linearFiles(out);
    const table = cached ? `${run}.csv` : files.statistics;
    const written = cached ? [table] : Object.values(files);
    await removeLeftovers(out, (name) => written.some((path) => basename(path) === name));
    const previous = await movePreviousRun(run, written);
    const description = describe(evaluator, config, table);
    yield { type: 'start', config, description };
    for (const message of evaluator.notices) yield { type: 'warning', message };
    if (previous !== undefined) {
      const message = `files of an earlier evaluation were moved to ${previous.folder}`;
      yield { type: 'warning', message };
    }
    const { native } = evaluator;
    if (cached) {
      const sweep = await linearSweep(native, config, table, work);
      yield* nativeWarnings(native);
      yield sweep;
    } else {
      const about = (epoch: number) => linearModelDescription(evaluator, config, epoch);
      yield* new LinearRun({ native, config, description, about, files, lock, work }).events();
    }
  } catch (error) {
    throw MocoError.from(error);
  } finally {
    lock.release();
  }
}

function describe(
  { description }: Evaluator,
  { batchSize }: LinearConfig,
  table: string,
): LinearDescription {
  const stepsPerEpoch = Math.ceil(description.dataset.trainPictures / batchSize);
  return { ...description, stepsPerEpoch, table };
}

/** The reference's names, and one for the last epoch. */
function linearFiles(out: string): LinearFiles {
  return {
    statistics: join(out, 'linear_statistics.csv'),
    model: join(out, 'linear_model.pth'),
    lastModel: join(out, 'linear_last_model.pth'),
  };
}
