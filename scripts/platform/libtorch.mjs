import { activePython } from '../../dist/setup/activePython.js';
import { locateLibtorch } from '../../dist/setup/libtorch.js';
import { PINNED_VERSION } from '../../dist/setup/libtorchArchive.js';
import { fetchLibtorch } from '../../dist/setup/libtorchFetch.js';
import { arm64Libtorch } from './arm64-libtorch.mjs';
import { isCross } from './host.mjs';

/** The LibTorch that packages are built against, fetched where it is not there. */
export async function pinnedLibtorch(host, report) {
  const libtorch = isCross(host.arch)
    ? await arm64Libtorch(host, report)
    : await libtorchOfThisMachine(host, report);
  if (libtorch.version === PINNED_VERSION) return libtorch;
  throw new Error(
    `packages are built against LibTorch ${PINNED_VERSION}, and ${libtorch.prefix} is ` +
      `${libtorch.version}: unset LIBTORCH and MOCO_LIBTORCH_URL, or set them to that version`,
  );
}

/** `$LIBTORCH`, else the cache's; not the active Python's, which may be of any version. */
async function libtorchOfThisMachine(host, report) {
  return (
    locateLibtorch(host, undefined, report)?.libtorch ??
    (await fetchLibtorch(host, activePython(host), report))
  );
}
