// The machine that is measured, with the versions of all that computes.
import { execFileSync } from 'node:child_process';
import { findAddon, loadAddon } from '../../dist/native/load.js';
import { packageRoot } from '../../dist/packageRoot.js';

/**
 * What a table must say of the machine. What is not known yet, before the build, or cannot be found out,
 * is left out.
 */
export function describeMachine({ device, python }) {
  known ??= {
    gpu: device === 'cpu' ? 'none' : queryGpu('name,driver_version,memory.total'),
    torch: pythonPrints(python, TORCH_VERSIONS),
    node: process.version,
    date: new Date().toISOString().slice(0, 10),
  };
  describeBuild();
  return known;
}

const TORCH_VERSIONS = 'import torch; print(torch.__version__, torch.backends.cudnn.version())';

let known;

function describeBuild() {
  try {
    const { libtorchVersion, hardware } = loadAddon();
    known.cpu ??= hardware().cpuName;
    known.libtorch = libtorchVersion;
    known.addon = undefined;
    known.nvcc = findAddon(packageRoot, process).record.nvcc;
  } catch (error) {
    // It is not built yet, or cannot be loaded, which the steps that need it will say.
    known.addon = error.message;
  }
}

/** What NVIDIA's tool tells of the first GPU; undefined where it does not work. */
export function queryGpu(fields) {
  const args = [`--query-gpu=${fields}`, '--format=csv,noheader', '--id=0'];
  try {
    return execFileSync('nvidia-smi', args, { encoding: 'utf8' }).trim();
  } catch (error) {
    console.error(`  nvidia-smi fails: ${error.message}`);
    return undefined;
  }
}

function pythonPrints(python, program) {
  try {
    return execFileSync(python, ['-c', program], { encoding: 'utf8' }).trim();
  } catch (error) {
    console.error(`  ${python} fails: ${error.message}`);
    return undefined;
  }
}
