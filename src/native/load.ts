import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { MocoError } from '../error.js';
import { packageRoot } from '../packageRoot.js';
import type { NativeAddon } from './addon.js';
import { ADDON, type BuildRecord, ENVIRONMENT, readBuildRecord } from './buildRecord.js';
import { inspectPrefix } from './libtorchPrefix.js';
import {
  addonMissing,
  builtForAnotherMachine,
  cannotBeLoaded,
  libtorchChanged,
  notReadable,
} from './loadFailure.js';

let loaded: NativeAddon | undefined;

/**
 * The native addon, loaded at the first call. Throws `ERR_MOCO_NATIVE_MISSING` where it was not
 * built, or not for this machine, and `ERR_MOCO_LIBTORCH_MISMATCH` where the LibTorch that it was
 * built against is not there any more, or another one is.
 */
export function loadAddon(): NativeAddon {
  loaded ??= loadAddonOf(packageRoot);
  return loaded;
}

/** The addon of the package in a folder; throws as `loadAddon` does. */
export function loadAddonOf(root: string): NativeAddon {
  try {
    return loadBuilt(root);
  } catch (error) {
    throw notReadable(root, error as NodeJS.ErrnoException);
  }
}

function loadBuilt(root: string): NativeAddon {
  const record = readBuildRecord(root);
  const file = join(root, ADDON);
  if (!record || !existsSync(file)) throw addonMissing(root, file);
  const mismatch = findMismatch(root, record);
  if (mismatch) throw mismatch;
  return load(root, file, record);
}

function findMismatch(root: string, record: BuildRecord): MocoError | undefined {
  const { platform, arch } = process;
  if (record.platform !== platform || record.arch !== arch) {
    return builtForAnotherMachine(root, record, { platform, arch });
  }
  const { libtorch, problem } = inspectPrefix(record.libtorch.prefix, { platform, arch });
  if (!libtorch) return libtorchChanged(root, record, problem);
  if (libtorch.version !== record.libtorch.version) {
    return libtorchChanged(root, record, `it is version ${libtorch.version} now`);
  }
  return undefined;
}

function load(root: string, file: string, record: BuildRecord): NativeAddon {
  const require = createRequire(import.meta.url);
  const environment = join(root, ENVIRONMENT);
  const hasEnvironment = record.platform === 'linux';
  if (hasEnvironment && !existsSync(environment)) throw addonMissing(root, environment);
  try {
    // Before the addon: LibTorch's OpenMP reads the environment once, when it is loaded.
    if (hasEnvironment) require(environment);
    return require(file) as NativeAddon;
  } catch (error) {
    throw cannotBeLoaded(root, file, record, error as Error);
  }
}
