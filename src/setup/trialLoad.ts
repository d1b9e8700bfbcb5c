import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { throwIfAborted } from '../abort.js';
import { ADDON } from '../native/buildRecord.js';
import type { LibtorchPrefix } from '../native/libtorchPrefix.js';
import { LoadFailure, setUpCommand } from '../native/loadFailure.js';
import type { Host } from './host.js';

/** Loads the addon of the package in the folder that is its argument. */
const PROGRAM = `
const [, load, root] = process.argv;
import(load).then(({ loadAddonOf }) => loadAddonOf(root, process)).catch(() => {});
`;

/**
 * Loads the addon of a published package in a process of its own, which a damaged library ends
 * without any error.
 * @param folder the addon's
 * @throws LoadFailure where the process was ended by a signal; `ERR_MOCO_ABORTED` after the host's
 */
export async function requireSafeLoad(
  root: string,
  folder: string,
  { prefix }: LibtorchPrefix,
  host: Host,
): Promise<void> {
  const killedBy = await endOf(start(root, host)).catch((error: unknown) => {
    throwIfAborted(host.signal, 'the set-up');
    throw error;
  });
  if (killedBy === undefined) return;
  const reason = `it, or LibTorch, ends a process that loads it (${killedBy})`;
  throw new LoadFailure(
    {
      code: 'ERR_MOCO_NATIVE_MISSING',
      reason,
      anotherMayDo: true,
      solutions: [
        `LibTorch may be damaged. Install it again, or delete ${prefix}, and set moco up: ${setUpCommand(root)}`,
      ],
    },
    `\nTried ${join(folder, ADDON)}, with the LibTorch in ${prefix}.`,
    new Error(reason),
  );
}

function start(root: string, { env, signal }: Host): ChildProcess | undefined {
  const load = new URL('../native/load.js', import.meta.url).href;
  try {
    return spawn(process.execPath, ['-e', PROGRAM, load, root], { env, signal, stdio: 'ignore' });
  } catch (error) {
    // Node's permission model lets this process start no other one: then there is no trial.
    if ((error as NodeJS.ErrnoException).code !== 'ERR_ACCESS_DENIED') throw error;
    return undefined;
  }
}

async function endOf(child: ChildProcess | undefined): Promise<NodeJS.Signals | undefined> {
  if (!child) return undefined;
  const [, killedBy] = (await once(child, 'close')) as [unknown, NodeJS.Signals | null];
  return killedBy ?? undefined;
}
