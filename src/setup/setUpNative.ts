import type { Nvcc } from '../native/buildRecord.js';
import { loadAddonOf } from '../native/load.js';
import { buildAddon } from './build.js';
import type { Host } from './host.js';
import { findLibtorch } from './libtorch.js';
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
  const nvcc = libtorch.cuda ? kernelCompiler(host, report) : undefined;
  const built = await buildAddon({ root, libtorch, nvcc, tests }, host, report);
  // An addon that cannot be loaded is better noticed now than at the first run.
  if (built) loadAddonOf(root);
  else report.line('addon: up to date');
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
