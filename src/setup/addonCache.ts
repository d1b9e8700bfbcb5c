import { existsSync } from 'node:fs';
import { copyFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { MocoError } from '../error.js';
import {
  BUILD_RECORD,
  type BuildRecord,
  type Nvcc,
  readBuildRecord,
  writeBuildRecord,
} from '../native/buildRecord.js';
import { cacheFolder } from '../native/cacheFolder.js';
import { type LibtorchPrefix, minorVersion } from '../native/libtorchPrefix.js';
import { publishedSources, setUpKey } from '../native/setUpRecord.js';
import { buildAddon, productsOf } from './build.js';
import { fillEntry } from './cacheEntry.js';
import type { Host } from './host.js';
import { findPlatformPackage, PLATFORM_FILES } from './platformPackage.js';
import type { Report } from './report.js';
import { toolchainProblem } from './toolchain.js';

/** What names of addons in the cache begin with. */
export const ADDON_ENTRY = 'addon-';

/** What addon is wanted. */
export interface AddonRequest {
  /** The folder of the published package. */
  readonly root: string;
  readonly libtorch: LibtorchPrefix;
  /** The compiler for CUDA kernels, where there is one and LibTorch can use them. */
  readonly nvcc: Nvcc | undefined;
  /** Whether no platform package will do. */
  readonly builds?: boolean;
}

/** An addon in the cache. */
export interface CachedAddon {
  readonly folder: string;
  /** `cache`: it was there before. */
  readonly origin: 'cache' | 'platform package' | 'build';
}

/**
 * The addon of a published package, from the cache. Where it is not there, it is copied from the
 * platform package, else built. With a compiler for CUDA kernels, which no platform package has,
 * it is built, unless other tools are missing.
 * @throws MocoError as `buildAddon` and `fillEntry` do
 */
export async function cachedAddon(
  request: AddonRequest,
  host: Host,
  report: Report,
): Promise<CachedAddon> {
  const source = chooseSource(request, host, report);
  const folder = entryOf(source, request, host);
  if (problemOf(folder, request.root) === undefined) return { folder, origin: 'cache' };
  await fillEntry(folder, host, {
    problem: (contents) => problemOf(contents, request.root),
    unusable: (entry, problem) =>
      new MocoError('ERR_MOCO_TOOLCHAIN', `What was made for ${entry} is no addon: ${problem}.`),
    fill: (contents, temporary) =>
      source.platformPackage === undefined
        ? build(
            { ...request, nvcc: source.nvcc },
            { contents, temporary, entry: folder },
            host,
            report,
          )
        : copyPackage(source.platformPackage, contents, report),
  });
  return { folder, origin: source.platformPackage === undefined ? 'build' : 'platform package' };
}

/** Removes an addon that cannot be loaded. */
export async function removeAddon(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
}

/** What an addon is made from: a platform package, or with the tools that are here. */
interface Source {
  readonly platformPackage: string | undefined;
  readonly nvcc: Nvcc | undefined;
}

function chooseSource(request: AddonRequest, host: Host, report: Report): Source {
  const { root, libtorch, nvcc, builds } = request;
  const platformPackage = builds ? undefined : findPlatformPackage(root, libtorch, host, report);
  if (platformPackage === undefined || !nvcc) return { platformPackage, nvcc };
  const problem = toolchainProblem(host);
  if (problem === undefined) return { platformPackage: undefined, nvcc };
  report.line(`CUDA kernels: not compiled, that needs ${problem}`);
  return { platformPackage, nvcc: undefined };
}

function entryOf({ nvcc }: Source, { root, libtorch }: AddonRequest, host: Host): string {
  const kernels = nvcc ? ['cuda'] : [];
  const name = [setUpKey(root, host), `torch${minorVersion(libtorch.version)}`, ...kernels];
  return join(cacheFolder(host), `${ADDON_ENTRY}${name.join('-')}`);
}

function problemOf(folder: string, root: string): string | undefined {
  const record = readBuildRecord(folder);
  const missing = PLATFORM_FILES.find((file) => !existsSync(join(folder, file)));
  if (!record || missing) return `it has no ${missing ?? BUILD_RECORD}`;
  return record.sources === publishedSources(root) ? undefined : 'it was built from other sources';
}

async function copyPackage(source: string, contents: string, report: Report): Promise<void> {
  report.line(`addon: taken from ${source}`);
  for (const name of [...PLATFORM_FILES, BUILD_RECORD]) {
    await copyFile(join(source, name), join(contents, name));
  }
}

/** Folders of an entry that is made. */
interface Making {
  readonly contents: string;
  readonly temporary: string;
  readonly entry: string;
}

async function build(
  { root, libtorch, nvcc }: AddonRequest,
  { contents, temporary, entry }: Making,
  host: Host,
  report: Report,
): Promise<void> {
  const log = `${entry}.log`; // stays where the build fails
  const sources = publishedSources(root);
  const request = { root, folder: join(temporary, 'build'), log, libtorch, nvcc, sources };
  await buildAddon({ ...request, tests: null }, host, report);
  const products = productsOf(request.folder);
  for (const name of PLATFORM_FILES) await copyFile(join(products, name), join(contents, name));
  writeBuildRecord(contents, readBuildRecord(products) as BuildRecord);
  await rm(log);
}
