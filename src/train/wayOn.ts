import { MocoError, type MocoErrorCode } from '../error.js';
import { hasCheckpoint } from './checkpoint.js';

/** Failures after which a run can go on, once their cause is gone. */
const PASSING: readonly MocoErrorCode[] = [
  'ERR_MOCO_DEVICE',
  'ERR_MOCO_OUTPUT',
  'ERR_MOCO_OUT_OF_MEMORY',
];

/** What goes on with a run, to be pasted into a shell. */
export function wayOn(directory: string): string {
  return `moco train --resume ${shellWord(directory)}`;
}

/**
 * The error that ended a run, with how to go on where that is possible. Checkpoints appear whole, so
 * that the newest one is good whatever was being written.
 */
export function withWayOn(error: MocoError, directory: string): MocoError {
  if (!PASSING.includes(error.code) || !hasCheckpoint(directory)) return error;
  const first = error.hint === undefined ? '' : `${error.hint}\n`;
  return new MocoError(error.code, error.message, {
    hint: `${first}Then go on from the newest checkpoint with: ${wayOn(directory)}`,
    cause: error,
  });
}

function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
