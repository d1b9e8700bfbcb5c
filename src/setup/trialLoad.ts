import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { throwIfAborted } from '../abort.js';
import { describe } from '../native/libtorchPrefix.js';
import { LoadFailure, setUpCommand } from '../native/loadFailure.js';
import type { LoadableAddon } from '../native/setUpRecord.js';
import type { Host } from './host.js';

/** Loads the addon that is described in its argument, and says when LibTorch is open. */
const PROGRAM = `
const [, load, root] = process.argv;
import(load).then(({ findAddon, loadAddonOf, openLibtorch }) => {
  openLibtorch(findAddon(root, process));
  console.log('open');
  loadAddonOf(root, process);
}).catch(() => {});
`;

/** How a process ended that loaded the addon. */
interface Trial {
  readonly killedBy: NodeJS.Signals | null;
  /** Whether LibTorch was open by then. */
  readonly isOpen: boolean;
}

/**
 * Loads the addon of a published package in a process of its own, which a damaged library ends
 * without any error. Other failures are left to those who load it.
 * @throws LoadFailure where a signal ended the process; `ERR_MOCO_ABORTED` after the host's
 */
export async function requireSafeLoad(
  root: string,
  { folder, libtorch }: Pick<LoadableAddon, 'folder' | 'libtorch'>,
  host: Host,
): Promise<void> {
  const { killedBy, isOpen } = await tryLoading(root, host);
  if (killedBy === null) return;
  const { prefix } = libtorch;
  const reason = isOpen
    ? `it ends a process that loads it (${killedBy})`
    : `${describe(libtorch)} in ${prefix} ends a process that opens it (${killedBy})`;
  throw new LoadFailure(
    {
      code: isOpen ? 'ERR_MOCO_NATIVE_MISSING' : 'ERR_MOCO_LIBTORCH_MISMATCH',
      reason,
      ...(isOpen ? { anotherMayDo: true } : {}),
      solutions: [
        `LibTorch may be damaged: install it again, or delete ${prefix} and set moco up: ` +
          setUpCommand(root),
      ],
    },
    `\nTried the addon in ${folder}.`,
    new Error(reason),
  );
}

async function tryLoading(root: string, host: Host): Promise<Trial> {
  const child = start(root, host);
  if (!child?.stdout) return { killedBy: null, isOpen: false };
  try {
    const [output, [, killedBy]] = await Promise.all([
      text(child.stdout),
      once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>,
    ]);
    return { killedBy, isOpen: output.includes('open') };
  } catch (error) {
    throwIfAborted(host.signal, 'the set-up');
    throw error;
  }
}

function start(root: string, { env, signal }: Host): ChildProcess | undefined {
  const load = new URL('../native/load.js', import.meta.url).href;
  try {
    return spawn(process.execPath, ['-e', PROGRAM, load, root], {
      ...{ env, signal, stdio: ['ignore', 'pipe', 'ignore'] },
    });
  } catch (error) {
    // Node's permission model lets this process start no other one: then there is no trial.
    if ((error as NodeJS.ErrnoException).code !== 'ERR_ACCESS_DENIED') throw error;
    return undefined;
  }
}
