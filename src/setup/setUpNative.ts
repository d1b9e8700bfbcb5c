import { join } from 'node:path';
import type { Nvcc } from '../native/buildRecord.js';
import type { LibtorchPrefix } from '../native/libtorchPrefix.js';
import { loadAddonOf } from '../native/load.js';
import { LoadFailure } from '../native/loadFailure.js';
import { CLONE_BUILD, removeSetUp, writeSetUp } from '../native/setUpRecord.js';
import { isClone } from '../packageRoot.js';
import { type AddonRequest, cachedAddon, removeAddon } from './addonCache.js';
import { buildAddon, productsOf } from './build.js';
import { fingerprints } from './fingerprints.js';
import type { Host } from './host.js';
import { findLibtorch } from './libtorch.js';
import { findNvcc, KERNELS_COST, KERNELS_HINT } from './nvcc.js';
import type { Report } from './report.js';
import { requireSafeLoad } from './trialLoad.js';

/** What a set-up has settled. */
export interface SetUp {
  readonly libtorch: LibtorchPrefix;
  /** The addon's folder. */
  readonly addon: string;
  /** Whether an addon was built, or copied from a platform package. */
  readonly changed: boolean;
}

/**
 * Finds or fetches LibTorch and builds the addon, or takes it from a platform package: only what is
 * not there or has changed. Throws a `MocoError` where that cannot be done.
 * @param tests whether a clone's C++ tests are built, too
 */
export async function setUpNative(
  root: string,
  tests: boolean,
  host: Host,
  report: Report,
): Promise<SetUp> {
  const libtorch = await findLibtorch(host, report);
  const nvcc = libtorch.cuda ? kernelCompiler(host, report) : undefined;
  return isClone(root)
    ? await setUpClone({ root, libtorch, nvcc, tests }, host, report)
    : await setUpPublished({ root, libtorch, nvcc }, host, report);
}

/** The nvcc for our kernels, or a line that says why there is none. */
function kernelCompiler(host: Host, report: Report): Nvcc | undefined {
  const isOff = host.env.MOCO_CUDA_KERNELS === '0';
  const nvcc = isOff ? undefined : findNvcc(host);
  const reason = isOff ? 'MOCO_CUDA_KERNELS is 0' : 'there is no nvcc';
  const hint = isOff ? '' : `. ${KERNELS_HINT}`;
  if (!nvcc) report.line(`CUDA kernels: not compiled, ${reason}; ${KERNELS_COST}${hint}`);
  return nvcc;
}

/** A clone builds in its own folder, so that a build goes on after an edit. */
async function setUpClone(
  { root, libtorch, nvcc, tests }: AddonRequest & { readonly tests: boolean },
  host: Host,
  report: Report,
): Promise<SetUp> {
  const folder = join(root, CLONE_BUILD);
  const now = fingerprints(root);
  const changed = await buildAddon(
    {
      ...{ root, folder, log: join(folder, 'build.log'), libtorch, nvcc },
      ...{ sources: now.sources, tests: tests ? now.tests : null },
    },
    host,
    report,
  );
  const addon = productsOf(folder);
  writeSetUp(root, host, { addon, libtorch });
  // An addon that cannot be loaded is better noticed now than at the first run.
  if (changed) loadAddonOf(root, host);
  else report.line('addon: up to date');
  return { libtorch, addon, changed };
}

/** A published package has its addon in the cache, which other copies of it share. */
async function setUpPublished(request: AddonRequest, host: Host, report: Report): Promise<SetUp> {
  const { root, libtorch } = request;
  const { folder, origin } = await cachedAddon(request, host, report);
  if (origin === 'cache') report.line(`addon: from the cache: ${folder}`);
  writeSetUp(root, host, { addon: folder, libtorch });
  try {
    await requireSafeLoad(root, { folder, libtorch }, host);
    loadAddonOf(root, host);
    return { libtorch, addon: folder, changed: origin !== 'cache' };
  } catch (error) {
    removeSetUp(root, host);
    if (!(error instanceof LoadFailure && error.anotherMayDo) || origin === 'build') throw error;
    report.line(`addon: made anew, since it cannot be loaded: ${error.reason}`);
  }
  await removeAddon(folder);
  const builds = origin === 'platform package';
  return await setUpPublished({ ...request, ...(builds ? { builds } : {}) }, host, report);
}
