import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ADDON, LOADER, readBuildRecord } from '../native/buildRecord.js';
import { type LibtorchPrefix, minorVersion } from '../native/libtorchPrefix.js';
import { publishedSources } from '../native/setUpRecord.js';
import { packageFolder } from './dependencies.js';
import type { Host } from './host.js';
import type { Report } from './report.js';

/** The files of a platform package that are needed, beside the record. */
export const PLATFORM_FILES = [LOADER, ADDON] as const;

/** The package with the addon built for a platform, which is an optional dependency. */
export function platformPackageName({ platform, arch }: Pick<Host, 'platform' | 'arch'>): string {
  return `moco-node-${platform}-${arch}`;
}

/**
 * The folder of the platform package, where one is installed that was built from this package's
 * sources, for this LibTorch; reports one that is passed over.
 */
export function findPlatformPackage(
  root: string,
  libtorch: LibtorchPrefix,
  host: Host,
  report: Report,
): string | undefined {
  const name = platformPackageName(host);
  const folder = installedFolder(name, root);
  if (folder === undefined) return undefined;
  const problem = problemOf(folder, root, libtorch, host);
  if (problem === undefined) return folder;
  report.line(`addon: passed over ${name} (${folder}): ${problem}`);
  return undefined;
}

function installedFolder(name: string, root: string): string | undefined {
  try {
    return packageFolder(name, root);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error;
    return undefined; // it is optional
  }
}

function problemOf(
  folder: string,
  root: string,
  libtorch: LibtorchPrefix,
  { platform, arch }: Host,
): string | undefined {
  const record = readBuildRecord(folder);
  const missing = PLATFORM_FILES.find((file) => !existsSync(join(folder, file)));
  if (!record || missing) return `it has no ${missing ?? 'record of its build'}`;
  if (record.platform !== platform || record.arch !== arch) {
    return `it was built for ${record.platform}-${record.arch}`;
  }
  if (record.sources !== publishedSources(root)) return 'it was built from other sources';
  const [built, here] = [record.libtorch.version, libtorch.version].map(minorVersion);
  return built === here ? undefined : `it was built for LibTorch ${built}, and here is ${here}`;
}
