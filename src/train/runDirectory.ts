import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TrainConfig } from '../config/trainConfig.js';
import { AppendLog } from '../disk/appendLog.js';
import { writeFileAtomic } from '../disk/atomicFile.js';
import { makeFolder } from '../disk/folder.js';
import { outputError } from '../disk/outputError.js';
import { EventFile } from '../formats/tfevents.js';
import type { Checkpoint } from './checkpoint.js';
import { environment } from './environment.js';
import type { TrainerDescription } from './events.js';
import { resultsTable } from './resultsTable.js';
import { modelOf } from './runFiles.js';
import type { RunState } from './runState.js';

/** The files that grow with a run. */
export interface Logs {
  readonly metrics: AppendLog;
  readonly tensorBoard: EventFile;
}

export const METRICS = 'metrics.jsonl';
const ENVIRONMENT = 'environment.json';

/** Makes the run directory with its first files. */
export async function makeDirectory(
  config: TrainConfig,
  description: TrainerDescription,
): Promise<Logs> {
  const { directory } = description.files;
  await makeFolder(directory);
  await writeDescription(config, description);
  const metrics = await AppendLog.create(join(directory, METRICS));
  return withEventFile(metrics, () => EventFile.create(directory, Date.now() / 1000));
}

/** Goes on with a run directory as it was at a checkpoint. */
export async function goOnInDirectory(
  config: TrainConfig,
  description: TrainerDescription,
  { logs, results }: RunState,
): Promise<Logs> {
  const { directory } = description.files;
  await writeDescription(config, description, await environmentBefore(directory));
  await writeFileAtomic(description.files.results, resultsTable(description, results));
  const metrics = await AppendLog.goOn(join(directory, METRICS), logs.metrics);
  const { file, bytes } = logs.tensorBoard;
  return withEventFile(metrics, () => EventFile.goOn(join(directory, file), bytes));
}

/** Copies a run's files to a new directory, as far as they are there, and goes on with them. */
export async function takeOverRun(
  config: TrainConfig,
  description: TrainerDescription,
  { directory: from, state }: Checkpoint,
): Promise<Logs> {
  const { directory, model } = description.files;
  await makeFolder(directory);
  for (const name of [METRICS, ENVIRONMENT, state.logs.tensorBoard.file]) {
    await copyIfThere(join(from, name), join(directory, name));
  }
  if (state.results.length > 0) await copyIfThere(modelOf(from), model);
  return goOnInDirectory(config, description, state);
}

async function writeDescription(
  config: TrainConfig,
  description: TrainerDescription,
  before?: object,
): Promise<void> {
  const { directory } = description.files;
  await writeFileAtomic(join(directory, 'config.resolved.json'), json(config));
  await writeFileAtomic(join(directory, ENVIRONMENT), json(await environment(description, before)));
}

async function withEventFile(metrics: AppendLog, open: () => Promise<EventFile>): Promise<Logs> {
  try {
    return { metrics, tensorBoard: await open() };
  } catch (error) {
    await metrics.close().catch(() => {}); // the first failure is the one to report
    throw error;
  }
}

/** The earlier `environment.json`; empty where it cannot be read, since a run does not need it. */
async function environmentBefore(directory: string): Promise<object> {
  try {
    return JSON.parse(await readFile(join(directory, ENVIRONMENT), 'utf8'));
  } catch {
    return {};
  }
}

async function copyIfThere(from: string, to: string): Promise<void> {
  try {
    await copyFile(from, to);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw outputError(to, cause);
  }
}

function json(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
