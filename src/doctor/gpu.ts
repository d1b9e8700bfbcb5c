import { readFileSync } from 'node:fs';
import type { Nvcc } from '../native/buildRecord.js';
import type { NativeCuda, NativeHardware } from '../native/machine.js';
import type { Host } from '../setup/host.js';
import { KERNELS_COST, KERNELS_HINT } from '../setup/nvcc.js';
import { type Finding, gigabytes } from './finding.js';

/** The GPUs that can be used, or why there is none. */
export function gpu({ cuda, cudaUnavailable }: NativeHardware, host: Host): Finding {
  const driver = driverVersion();
  if (cuda) return usable(cuda, driver);
  return {
    subject: 'GPU',
    state: 'note',
    message: `none to use: ${cudaUnavailable}`,
    hint: host.nvidiaDriver ? whatToDo(cudaUnavailable) : undefined,
    facts: { unavailable: cudaUnavailable, driver },
  };
}

function usable(cuda: NativeCuda, driver: string | undefined): Finding {
  const devices = cuda.devices.map(
    ({ name, memoryBytes, computeCapability }, index) =>
      `cuda:${index} ${name} (${gigabytes(memoryBytes)}, compute capability ${computeCapability})`,
  );
  const driverText = `driver ${driver ?? 'of unknown version'} for CUDA up to ${cuda.driverCuda}`;
  return {
    subject: 'GPU',
    state: 'good',
    message: `${devices.join(', ')}; ${driverText}; LibTorch with CUDA ${cuda.cuda} and cuDNN ${cuda.cudnn}`,
    facts: { ...cuda, driver },
  };
}

/**
 * Whether kernels of our own are used.
 * @param unavailable the addon's reason why not
 * @param nvcc what was there at the build
 */
export function kernels(unavailable: string, nvcc: Nvcc | null | undefined): Finding {
  const subject = 'CUDA kernels';
  const facts = { unavailable, nvcc };
  if (unavailable === '') {
    const compiler = nvcc ? ` with nvcc ${nvcc.version} for ${nvcc.architectures}` : '';
    return { subject, state: 'good', message: `compiled${compiler}`, facts };
  }
  const message = `not used, ${unavailable}; ${KERNELS_COST}`;
  return { subject, state: 'note', message, hint: kernelsHint(unavailable, nvcc), facts };
}

function kernelsHint(unavailable: string, nvcc: Nvcc | null | undefined): string {
  if (/MOCO_CUDA_KERNELS/.test(unavailable)) return 'Unset MOCO_CUDA_KERNELS.';
  if (/other GPUs/.test(unavailable)) return 'Run the set-up again on this machine.';
  if (!nvcc) return KERNELS_HINT;
  return `nvcc ${nvcc.version} did not work with the C++ compiler: CXX names another one for the set-up.`;
}

/** What to do about a GPU that cannot be used, on a machine that has NVIDIA's driver. */
function whatToDo(reason: string): string {
  if (/CPU build/.test(reason)) {
    return 'Build with a CUDA build of LibTorch: set LIBTORCH to its folder, and run the set-up again.';
  }
  if (/too old/.test(reason)) return "Update NVIDIA's driver, or build with an older LibTorch.";
  return 'Check the GPU with nvidia-smi.';
}

/** Version of NVIDIA's driver, as its kernel module tells it; undefined where there is none. */
function driverVersion(): string | undefined {
  try {
    const module = readFileSync('/proc/driver/nvidia/version', 'utf8');
    return /Kernel Module.*?\s(\d+\.[\d.]+)\s/.exec(module)?.[1];
  } catch {
    return undefined;
  }
}
