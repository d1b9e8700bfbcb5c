import { stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { parseConfig } from '../config/resolve.js';
import { type TrainConfig, trainCommand } from '../config/trainConfig.js';
import { MocoError } from '../error.js';
import { readTensorFile } from '../formats/readTensorFile.js';
import { verifyChecksums } from '../formats/verifyChecksums.js';
import type { NativeTensorSource } from '../native/input.js';
import { type RunState, runStateSchema } from './runState.js';

/** What the text `format` in the metadata of a checkpoint says. */
const FORMAT = 'moco-checkpoint';

/** A whole checkpoint, found good to the last bit. */
export interface Checkpoint {
  readonly path: string;
  /** The run directory that it lies in. */
  readonly directory: string;
  readonly config: TrainConfig;
  readonly state: RunState;
  readonly source: NativeTensorSource;
}

/** The two newest checkpoints of a run. */
export function checkpointPaths(directory: string): { newest: string; previous: string } {
  return {
    newest: join(directory, 'checkpoint.safetensors'),
    previous: join(directory, 'checkpoint.previous.safetensors'),
  };
}

/**
 * Whether a run that writes to `directory` is the checkpoint's own, and not a new one from there.
 */
export function isOwnRun(checkpoint: Checkpoint, directory: string): boolean {
  return resolve(checkpoint.directory) === resolve(directory);
}

/**
 * Finds what to go on from.
 * @param target a checkpoint, or a run directory, of which the newest good one is taken
 * @returns with one line for every damaged one that was passed over
 * @throws MocoError `ERR_MOCO_CHECKPOINT` where there is none
 */
export async function findCheckpoint(
  target: string,
): Promise<{ checkpoint: Checkpoint; notices: string[] }> {
  if (!(await isFolder(target))) return { checkpoint: await readCheckpoint(target), notices: [] };
  const { newest, previous } = checkpointPaths(target);
  const notices: string[] = [];
  for (const path of [newest, previous]) {
    try {
      if (await exists(path)) return { checkpoint: await readCheckpoint(path), notices };
    } catch (error) {
      if (!(error instanceof MocoError)) throw error;
      notices.push(`a checkpoint was passed over: ${error.message}`);
    }
  }
  const problem =
    notices.length > 0 ? `no checkpoint is good:\n  ${notices.join('\n  ')}` : 'no checkpoint';
  throw new MocoError('ERR_MOCO_CHECKPOINT', `${target} holds ${problem}`, {
    hint: 'Start the run without --resume, or name another checkpoint.',
  });
}

/**
 * The configuration that goes on with a run where it lies.
 * @param target as for `findCheckpoint`
 */
export async function resumedConfig(target: string): Promise<TrainConfig> {
  const { config, directory } = (await findCheckpoint(target)).checkpoint;
  return { ...config, out: dirname(directory) };
}

/**
 * Reads what a checkpoint says of its run and checks every byte of it.
 * @throws MocoError `ERR_MOCO_CHECKPOINT` where the file is damaged or no checkpoint
 */
export async function readCheckpoint(path: string): Promise<Checkpoint> {
  const file = await readTensorFile(path);
  if (file.metadata.get('format') !== FORMAT) {
    throw new MocoError('ERR_MOCO_CHECKPOINT', `${path}: it is not a checkpoint of moco`, {
      hint: 'Name the checkpoint.safetensors of a run directory, or the directory.',
    });
  }
  await verifyChecksums(file);
  const state = parseRun(path, file.metadata.get('run') ?? '');
  const config = parseRunConfig(path, state);
  return {
    ...{ path, directory: dirname(path), config, state },
    source: { path, tensors: file.tensors },
  };
}

function parseRun(path: string, text: string): RunState {
  try {
    return runStateSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new MocoError('ERR_MOCO_CHECKPOINT', `${path}: what it says of its run is not readable`, {
      hint: 'Go on with the version of moco that wrote it.',
      cause,
    });
  }
}

/** A run's batch size was settled, even where its configuration said `auto`. */
function parseRunConfig(path: string, { config }: RunState): TrainConfig {
  const settings = parseConfig(trainCommand, config);
  const { batchSize } = settings;
  if (batchSize !== 'auto') return { ...settings, batchSize };
  throw new MocoError('ERR_MOCO_CHECKPOINT', `${path}: it does not say its batch size`, {
    hint: 'Choose another checkpoint of the run.',
  });
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'is not there' : `${cause}`;
    throw new MocoError('ERR_MOCO_CHECKPOINT', `${path} ${reason}`, {
      hint: 'Name the directory of a run, or a checkpoint in it.',
      cause,
    });
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
