import { z } from 'zod';
import * as check from '../arguments/check.js';
import { ProcessGroup } from '../distributed/processGroup.js';
import type { InputOptions } from '../pictures/input.js';

export interface CreateTrainerOptions extends InputOptions {
  /**
   * Goes on with a run: from a checkpoint or from the newest good one of a run directory; `true`:
   * of the directory of the configuration.
   */
  readonly resume?: string | true | undefined;
  /**
   * With `resume: true`: starts the run where it has no checkpoint yet, as for jobs that a batch
   * system starts again.
   */
  readonly orStart?: boolean | undefined;
  /** Called before the speed of a run within a budget is measured, for about so many seconds. */
  readonly onTrial?: ((trial: { readonly seconds: number }) => void) | undefined;
  /**
   * The processes that train together, from `joinProcesses`: each gets its share of every batch, and
   * the first one alone writes files. Undefined: this process trains alone.
   */
  readonly group?: ProcessGroup | undefined;
  /** Keys that may differ from the checkpoint's although they decide what the run computes. */
  readonly override?: readonly string[] | undefined;
}

/** What each option of `createTrainer` takes. */
export const CREATE_TRAINER_CHECKS = {
  onDownload: check.callback,
  onPack: check.callback,
  onTrial: check.callback,
  signal: check.signal,
  resume: z.union([check.path, z.literal(true)], 'a path or true').optional(),
  orStart: check.flag,
  group: z.instanceof(ProcessGroup, { error: 'a group from joinProcesses' }).optional(),
  override: z.array(z.string('a key'), 'a list of keys').optional(),
};
