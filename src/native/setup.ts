import { buildAddon } from './build.js';
import type { Host } from './host.js';
import { findLibtorch } from './libtorch.js';
import { loadAddonOf } from './load.js';
import { findNvcc, KERNELS_COST, KERNELS_HINT } from './nvcc.js';
import type { Report } from './report.js';

/**
 * Finds or fetches LibTorch and builds the addon, with its C++ tests if asked to: only what is not
 * there or has changed. Throws a `MocoError` where that cannot be done.
 */
export async function setUpNative(
  root: string,
  tests: boolean,
  host: Host,
  report: Report,
): Promise<void> {
  const libtorch = await findLibtorch(host, report);
  const nvcc = libtorch.cuda ? findNvcc(host) : undefined;
  if (libtorch.cuda && !nvcc) {
    report.line(`CUDA kernels: not compiled, there is no nvcc; ${KERNELS_COST}. ${KERNELS_HINT}`);
  }
  const built = await buildAddon({ root, libtorch, nvcc, tests }, host, report);
  // What cannot be loaded is better known now than at the first run.
  if (built) loadAddonOf(root);
  else report.line('addon: up to date');
}
