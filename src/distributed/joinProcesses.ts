import * as check from '../arguments/check.js';
import { MocoError } from '../error.js';
import { loadAddon } from '../native/load.js';
import { StoppableWork } from '../native/stoppableWork.js';
import { type Launched, launched } from './launched.js';
import { ProcessGroup } from './processGroup.js';

export interface JoinProcessesOptions {
  /** Gives up waiting for the others. */
  readonly signal?: AbortSignal | undefined;
}

const ARGUMENTS = { options: check.options<JoinProcessesOptions>({ signal: check.signal }) };

/** In seconds. */
const PATIENCE = { joinSeconds: 300, silenceSeconds: 30, stuckSeconds: 1800 };

/**
 * Joins the processes that a launcher has started together: torchrun, Kubeflow's trainer, srun or
 * `moco train --processes`.
 * @returns the group, once all processes are there; undefined where this one was started alone
 * @throws MocoError `ERR_MOCO_PEER` that names who is missing; `ERR_MOCO_CONFIG` where the launcher's
 * variables make no sense; `ERR_MOCO_ABORTED`, `_NATIVE_MISSING`
 */
export async function joinProcesses(
  options: JoinProcessesOptions = {},
): Promise<ProcessGroup | undefined> {
  check.requireArguments('joinProcesses', ARGUMENTS, { options });
  const found = launched(process.env);
  if (found === undefined) return undefined;
  const work = new StoppableWork('joining the other processes', options.signal);
  const native = await work.make(() => loadAddon().createGroup(rendezvousOf(found)));
  try {
    await work.run(native, () => native.join());
    return new ProcessGroup(native);
  } catch (error) {
    await native.dispose();
    throw MocoError.from(error);
  }
}

function rendezvousOf({ rank, processes, host, port, launcherHostsStore, attempt }: Launched) {
  return {
    ...{ rank, processes, host, port, ...PATIENCE },
    hostsStore: rank === 0 && !launcherHostsStore,
    run: `moco/${attempt}`, // a launcher's store holds the keys of the attempts before, too
  };
}
