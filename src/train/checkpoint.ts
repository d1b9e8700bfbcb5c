import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import * as check from '../arguments/check.js';
import { absolute } from '../arguments/paths.js';
import { parseConfig } from '../config/resolve.js';
import { settledKeys } from '../config/settledKeys.js';
import { type TrainConfig, trainCommand } from '../config/trainConfig.js';
import { PICTURE_SIDE } from '../data/dataset.js';
import { MocoError } from '../error.js';
import { readTensorFile } from '../formats/readTensorFile.js';
import { verifyChecksums } from '../formats/verifyChecksums.js';
import type { NativeTensorSource } from '../native/input.js';
import { type RunState, runStateSchema } from './runState.js';

/** What the text `format` in the metadata of a checkpoint says. */
const FORMAT = 'moco-checkpoint';

/**
 * A checkpoint of which the header is good. Its tensors are not read yet: the addon compares their
 * checksums when it reads them.
 */
export interface Checkpoint {
  readonly path: string;
  /** The run directory that it lies in. */
  readonly directory: string;
  readonly config: TrainConfig;
  readonly state: RunState;
  readonly source: NativeTensorSource;
}

/** What to go on from. */
export interface FoundCheckpoint {
  /** Where it was looked for: a checkpoint, or a run directory. */
  readonly target: string;
  readonly checkpoint: Checkpoint;
  /** One line for every damaged one that was passed over. */
  readonly notices: readonly string[];
}

/** The two newest checkpoints of a run. */
export function checkpointPaths(directory: string): { newest: string; previous: string } {
  return {
    newest: join(directory, 'checkpoint.safetensors'),
    previous: join(directory, 'checkpoint.previous.safetensors'),
  };
}

/** Whether a run directory has a checkpoint, good or not. */
export function hasCheckpoint(directory: string): boolean {
  return Object.values(checkpointPaths(directory)).some((path) => existsSync(path));
}

/**
 * Whether a run that writes to `directory` is the checkpoint's own, and not a new one from there.
 */
export function isOwnRun(checkpoint: Checkpoint, directory: string): boolean {
  return resolve(checkpoint.directory) === resolve(directory);
}

/**
 * Finds what to go on from, by the headers of the checkpoints.
 * @param target a checkpoint, or a run directory, of which the newest good one is taken
 * @param damaged what is known to be wrong with checkpoints of a good header, by their paths
 * @throws MocoError `ERR_MOCO_CHECKPOINT` where there is none
 */
export async function findCheckpoint(
  target: string,
  damaged: ReadonlyMap<string, MocoError> = new Map(),
): Promise<FoundCheckpoint> {
  const read = async (path: string) => {
    const damage = damaged.get(path);
    if (damage !== undefined) throw damage;
    return await readCheckpoint(path);
  };
  if (!(await isFolder(target))) return { target, checkpoint: await read(target), notices: [] };
  const { newest, previous } = checkpointPaths(target);
  const notices: string[] = [];
  for (const path of [newest, previous]) {
    try {
      if (existsSync(path)) return { target, checkpoint: await read(path), notices };
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
 * @throws MocoError `ERR_MOCO_CHECKPOINT` where there is none; `ERR_MOCO_CONFIG`
 */
export async function resumedConfig(target: string): Promise<TrainConfig> {
  check.requireArguments('resumedConfig', { target: check.path }, { target });
  const { config, directory } = (await findCheckpoint(absolute(target))).checkpoint;
  return { ...config, out: dirname(directory) };
}

/**
 * Restores from a checkpoint. `restore` is the only one who reads its tensors, and compares their
 * checksums; where it finds them damaged, the checkpoint before is restored.
 * @returns with what was restored, and from where
 * @throws what `restore` throws, for a checkpoint that is whole; as `findCheckpoint` where none is
 */
export async function restoreFrom<Restored>(
  found: FoundCheckpoint,
  restore: (checkpoint: Checkpoint) => Promise<Restored>,
): Promise<FoundCheckpoint & { readonly restored: Restored }> {
  const damaged = new Map<string, MocoError>();
  for (let current = found; ; ) {
    const { target, checkpoint } = current;
    try {
      return { ...current, restored: await restore(checkpoint) };
    } catch (error) {
      const damage = await damageBehind(error, checkpoint);
      if (damage === undefined) throw error;
      damaged.set(checkpoint.path, damage);
      current = await findCheckpoint(target, damaged);
    }
  }
}

/** What is wrong with a checkpoint that could not be restored; undefined where it is whole. */
async function damageBehind(
  error: unknown,
  { source }: Checkpoint,
): Promise<MocoError | undefined> {
  if (!(error instanceof MocoError) || error.code !== 'ERR_MOCO_CHECKPOINT') return undefined;
  try {
    await verifyChecksums(source);
    return undefined;
  } catch (damage) {
    if (damage instanceof MocoError) return damage;
    throw damage;
  }
}

/**
 * Reads what a checkpoint says of its run, and where its tensors lie.
 * @throws MocoError `ERR_MOCO_CHECKPOINT` where the header is damaged, the file has not the length
 * that the header says, or is no checkpoint
 */
async function readCheckpoint(path: string): Promise<Checkpoint> {
  const file = await readTensorFile(path);
  if (file.metadata.get('format') !== FORMAT) {
    throw new MocoError('ERR_MOCO_CHECKPOINT', `${path}: it is not a checkpoint of moco`, {
      hint: 'Name the checkpoint.safetensors of a run directory, or the directory.',
    });
  }
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

/**
 * What `auto` stood for was settled; runs of before there were other sizes and stems had those of
 * CIFAR.
 */
function parseRunConfig(path: string, { config }: RunState): TrainConfig {
  const settings = parseConfig(trainCommand, config);
  const { batchSize, imageSize } = settings;
  const settled = settledKeys(settings, imageSize === 'auto' ? PICTURE_SIDE : imageSize);
  if (batchSize !== 'auto') return { ...settings, ...settled, batchSize };
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
