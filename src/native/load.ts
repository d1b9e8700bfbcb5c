import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import type { MocoError } from '../error.js';
import { packageRoot } from '../packageRoot.js';
import type { NativeAddon } from './addon.js';
import { ADDON, type BuildRecord, LOADER, readBuildRecord } from './buildRecord.js';
import { inspectPrefix, type LibtorchPrefix, libraries, minorVersion } from './libtorchPrefix.js';
import {
  addonMissing,
  builtForAnotherMachine,
  cannotBeLoaded,
  libtorchUnusable,
  notReadable,
} from './loadFailure.js';
import { type LoadableAddon, readSetUp, type SetUpHost, type SetUpRecord } from './setUpRecord.js';

/** The library that is loaded before the addon. */
interface Loader {
  /** Opens shared libraries, given by their paths, for the rest of the process. */
  open(files: readonly string[]): void;
}

let loaded: NativeAddon | undefined;

/**
 * The native addon, loaded at the first call. Throws `ERR_MOCO_NATIVE_MISSING` where it was not
 * set up, or not for this machine, and `ERR_MOCO_LIBTORCH_MISMATCH` where no LibTorch is there any
 * more that it can run with.
 */
export function loadAddon(): NativeAddon {
  loaded ??= loadAddonOf(packageRoot);
  return loaded;
}

/**
 * The addon of the package in a folder; throws as `loadAddon` does.
 * @param host says where the cache is; this process, as a rule
 */
export function loadAddonOf(root: string, host: SetUpHost = process): NativeAddon {
  try {
    return load(root, findAddon(root, host));
  } catch (error) {
    throw notReadable(root, error as NodeJS.ErrnoException);
  }
}

/**
 * What was set up for the package in a folder, and is still there; looks at files only, and throws
 * as `loadAddon` does.
 */
export function findAddon(root: string, host: SetUpHost): LoadableAddon {
  const setUp = readSetUp(root, host);
  if (!setUp) throw addonMissing(root);
  const folder = setUp.addon;
  const record = readBuildRecord(folder);
  const missing = [ADDON, LOADER]
    .map((name) => join(folder, name))
    .find((file) => !existsSync(file));
  if (!record || missing !== undefined) throw addonMissing(root, missing ?? folder);
  if (record.platform !== host.platform || record.arch !== host.arch) {
    throw builtForAnotherMachine(root, record, host);
  }
  return { folder, record, libtorch: findLibtorch(root, setUp, record, host) };
}

/** `$LIBTORCH`, else the one that the set-up chose. */
function findLibtorch(
  root: string,
  setUp: SetUpRecord,
  record: BuildRecord,
  host: SetUpHost,
): LibtorchPrefix {
  const { LIBTORCH } = host.env;
  const prefix = LIBTORCH ? resolve(LIBTORCH) : setUp.libtorch.prefix;
  const unusable = (problem: string): MocoError =>
    libtorchUnusable(root, record, { prefix, problem, isChosen: Boolean(LIBTORCH) });
  const { libtorch, problem } = inspectPrefix(prefix, host);
  if (!libtorch) throw unusable(problem);
  const { version, cuda } = libtorch;
  if (minorVersion(version) !== minorVersion(record.libtorch.version)) {
    throw unusable(`it is version ${version}`);
  }
  if (record.nvcc && !cuda) throw unusable('it is a CPU build, and the addon has CUDA kernels');
  return libtorch;
}

function load(root: string, found: LoadableAddon): NativeAddon {
  const require = createRequire(import.meta.url);
  try {
    openLibtorch(found); // before the addon, which does not know where LibTorch lies
    return require(join(found.folder, ADDON)) as NativeAddon;
  } catch (error) {
    throw cannotBeLoaded(root, found, error as Error);
  }
}

/** Opens the LibTorch that an addon is loaded with; throws what the system says where it cannot. */
export function openLibtorch({ folder, libtorch }: LoadableAddon): void {
  const loader = createRequire(import.meta.url)(join(folder, LOADER)) as Loader;
  loader.open(libraries(libtorch, process.platform));
}
