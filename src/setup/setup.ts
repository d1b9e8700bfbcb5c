import { throwIfAborted } from '../abort.js';
import * as check from '../arguments/check.js';
import { MocoError } from '../error.js';
import { cacheFolder } from '../native/cacheFolder.js';
import type { LibtorchPrefix } from '../native/libtorchPrefix.js';
import { findAddon, loadAddon } from '../native/load.js';
import { notReadable } from '../native/loadFailure.js';
import { isClone, packageRoot } from '../packageRoot.js';
import { sharpVersion } from '../pictures/sharp.js';
import { isReadOnly } from './cacheEntry.js';
import { type Host, thisHost } from './host.js';
import type { Report } from './report.js';
import { setUpLock } from './setUpLock.js';
import { setUpNative } from './setUpNative.js';

/** What a set-up tells while it works. */
export type SetupEvent =
  /** It has something to do. */
  | { readonly type: 'start'; readonly reason: string }
  /** Something was found, settled or done, in a line for the user. */
  | { readonly type: 'note'; readonly text: string }
  /** What goes on right now, and how much of it is done, from 0 to 1, where that is known. */
  | { readonly type: 'progress'; readonly text: string; readonly fraction: number | undefined };

export interface SetupOptions {
  /**
   * Look for LibTorch and for compilers again, although moco is set up, and try whether the addon
   * can be loaded. Default: false.
   */
  readonly again?: boolean | undefined;
  readonly onEvent?: ((event: SetupEvent) => void) | undefined;
  /** Ends the set-up, and the programs that it has started. */
  readonly signal?: AbortSignal | undefined;
}

/** What moco computes with from now on. */
export interface SetupResult {
  readonly libtorch: LibtorchPrefix;
  /** The folder of the addon. */
  readonly addon: string;
  /** Whether the addon was built, or taken from a platform package. */
  readonly changed: boolean;
}

const ARGUMENTS = {
  options: check.options<SetupOptions>({
    again: check.flag,
    onEvent: check.callback,
    signal: check.signal,
  }),
};

/**
 * Makes moco ready to compute: finds or fetches LibTorch, and takes the addon from a platform
 * package or builds it, into the cache (`$MOCO_CACHE`). Where that was done already it returns at
 * once. What `moco setup` does.
 * @throws MocoError `ERR_MOCO_NATIVE_MISSING` where it has something to do and `MOCO_NO_SETUP` is 1,
 *   unless `again`; `ERR_MOCO_TOOLCHAIN` where something is missing to build with, or building
 *   fails; `ERR_MOCO_LIBTORCH_NOT_FOUND`, `ERR_MOCO_LIBTORCH_MISMATCH`, `ERR_MOCO_NETWORK` where
 *   LibTorch is not to be had; `ERR_MOCO_OUTPUT` where the cache cannot be written;
 *   `ERR_MOCO_CONFIG`; `ERR_MOCO_ABORTED` after the signal
 */
export async function setup(options: SetupOptions = {}): Promise<SetupResult> {
  check.requireArguments('setup', ARGUMENTS, { options });
  const { again = false, onEvent = () => {}, signal } = options;
  throwIfAborted(signal, 'the set-up');
  const there = whatIsThere();
  if (!again && !(there instanceof MocoError)) return there;
  if (there instanceof MocoError) {
    if (!again && process.env.MOCO_NO_SETUP === '1') throw there;
    onEvent({ type: 'start', reason: there.message });
  } else if (!isClone(packageRoot) && (await isReadOnly(process))) {
    loadAddon();
    const text = `nothing can be changed in ${cacheFolder(process)}, so moco stays as it was set up`;
    onEvent({ type: 'note', text });
    return there;
  }
  const result = await setUpAlone(thisHost(signal), {
    line: (text) => onEvent({ type: 'note', text }),
    progress: (text, fraction) => onEvent({ type: 'progress', text, fraction }),
  });
  if (again) onEvent({ type: 'note', text: await decoderLine() });
  return result;
}

/** Whether folders of pictures can be read, which is all that needs sharp. */
async function decoderLine(): Promise<string> {
  return await sharpVersion().then(
    (version) => `folders of pictures: decoded by sharp ${version}`,
    ({ message, hint }: MocoError) => `folders of pictures: ${message}. ${hint}`,
  );
}

/** What was set up, or why that will not do. */
function whatIsThere(): SetupResult | MocoError {
  try {
    const { folder, libtorch } = findAddon(packageRoot, process);
    return { libtorch, addon: folder, changed: false };
  } catch (error) {
    if (error instanceof MocoError) return error;
    throw notReadable(packageRoot, error as Error); // no set-up would help
  }
}

async function setUpAlone(host: Host, report: Report): Promise<SetupResult> {
  const isWaiting = (file: string) =>
    report.line(`waiting for another set-up to end (its lock: ${file})`);
  using _lock = await setUpLock(host, isWaiting);
  return await setUpNative(packageRoot, false, host, report);
}
