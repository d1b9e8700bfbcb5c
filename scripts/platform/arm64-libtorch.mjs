import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder } from '../../dist/native/cacheFolder.js';
import { inspectPrefix } from '../../dist/native/libtorchPrefix.js';
import { activePython } from '../../dist/setup/activePython.js';
import { PINNED_VERSION } from '../../dist/setup/libtorchArchive.js';
import { fillLibtorch } from '../../dist/setup/libtorchCache.js';
import { pipDownload } from '../../dist/setup/pip.js';
import { unpack } from '../../dist/setup/unpack.js';

/** What the wheels for 64-bit Arm say that they run on: torch's, and the two of NVIDIA's. */
const PLATFORMS = ['manylinux_2_28_aarch64', 'manylinux_2_25_aarch64', 'manylinux2014_aarch64'];

/**
 * The wheel is a CUDA build. What makes it one is left out; but `libtorch_cpu.so` is linked with two
 * small libraries of CUDA's, which its METADATA names as parts of this package.
 */
const REQUIREMENTS = [
  { requirement: 'cuda-toolkit[cudart,cupti]==13.0.3', dependencies: true },
  { requirement: `torch==${PINNED_VERSION}`, dependencies: false },
];

const WANTED = [
  'torch/include/',
  ...['libc10.so', 'libtorch_cpu.so', 'libgomp', 'libgfortran', 'libnvpl_', 'libarm_compute'].map(
    (name) => `torch/lib/${name}`,
  ),
  ...['libcudart', 'libcupti'].map((name) => `nvidia/cu13/lib/${name}`),
];

/**
 * The pinned LibTorch for 64-bit Arm, without what needs a GPU, to build against and to run under
 * emulation; fetched with pip into moco's cache where it is not there.
 */
export async function arm64Libtorch(host, report) {
  const entry = join(cacheFolder(host), `check-arm64-${PINNED_VERSION}`);
  const { libtorch } = inspectPrefix(join(entry, 'torch'), host);
  if (libtorch) return libtorch;
  const python = activePython(host)?.executable;
  if (!python) throw new Error('fetching LibTorch needs Python 3 with pip');
  report.line(`LibTorch: fetching torch ${PINNED_VERSION} for arm64 with pip, once`);
  return await fillLibtorch(entry, host, async (contents, temporary) => {
    for (const download of REQUIREMENTS) {
      const request = { ...download, platforms: PLATFORMS };
      const wheels = await pipDownload(python, request, temporary, host, report);
      for (const wheel of wheels) {
        await unpack(wheel, contents, WANTED, host.signal);
        await rm(wheel);
      }
    }
  });
}
