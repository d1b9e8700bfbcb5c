// Compiles and links, without a GPU, all that runs on one: the core with its CUDA kernels, the addon,
// the C++ tests and the benchmark of kernels, against a CUDA build of LibTorch. It comes from pip,
// without NVIDIA's libraries, into moco's cache. Then it compares with their limits what the kernels
// take of a multiprocessor, and what they do to memory, which their emulation on the CPU counts.
//
//   npm run check:cuda
import { spawnSync } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { cacheFolder } from '../dist/native/cacheFolder.js';
import { inspectPrefix } from '../dist/native/libtorchPrefix.js';
import { activePython } from '../dist/setup/activePython.js';
import { thisHost } from '../dist/setup/host.js';
import { fillLibtorch } from '../dist/setup/libtorchCache.js';
import { findNvcc } from '../dist/setup/nvcc.js';
import { pipDownload } from '../dist/setup/pip.js';
import { streamReport } from '../dist/setup/report.js';
import { unpack } from '../dist/setup/unpack.js';
import { checkRegisters } from './check-cuda/registers.mjs';
import { root } from './run-tool.mjs';

/** The oldest that moco supports, whose plain wheel is a CUDA build; `npm test` builds against a newer. */
const VERSION = '2.11.0';

const ARCHITECTURES = '80;90a';

const folder = join(root, `build/cuda-${VERSION}`);

const report = streamReport(process.stderr);
const host = thisHost();

/** The CUDA LibTorch in the cache, fetched where it is not there. */
async function cudaLibtorch() {
  const entry = join(cacheFolder(host), `check-cuda-${VERSION}`);
  const { libtorch } = inspectPrefix(join(entry, 'torch'), host);
  if (libtorch) return libtorch;
  const python = activePython(host)?.executable;
  if (!python) throw new Error('fetching LibTorch needs Python 3 with pip');
  report.line(`LibTorch: fetching torch ${VERSION} with pip, once`);
  return await fillLibtorch(entry, host, async (contents, temporary) => {
    const download = { requirement: `torch==${VERSION}`, dependencies: false };
    const [wheel] = await pipDownload(python, download, temporary, host, report);
    await unpack(wheel, contents, ['torch/include/', 'torch/lib/']);
    await rm(wheel);
  });
}

function build({ prefix }, nvcc) {
  const options = {
    MOCO_LIBTORCH: prefix,
    MOCO_NVCC: nvcc.path,
    MOCO_CUDA_ARCHITECTURES: ARCHITECTURES,
    MOCO_BUILD_TESTS: 'ON',
    CMAKE_EXPORT_COMPILE_COMMANDS: 'ON',
    CMAKE_JS_INC: join(root, 'node_modules/node-api-headers/include'),
    // Nothing of it runs but the kernels' emulation. What nvcc compiles has flags of its own.
    CMAKE_CXX_FLAGS_RELEASE: '-O0',
  };
  const definitions = Object.entries(options).map(([name, value]) => `-D${name}=${value}`);
  run('cmake', ['-S', root, '-B', folder, ...definitions]);
  const targets = ['--target', 'all', 'kernels_bench', 'batch_norm_traffic'];
  run('cmake', ['--build', folder, '--parallel', `${availableParallelism()}`, ...targets]);
}

function run(program, args) {
  const { status, error } = spawnSync(program, args, { stdio: 'inherit' });
  if (error) throw error;
  if (status !== 0) throw new Error(`${program} ended with exit code ${status}, see above`);
}

const nvcc = findNvcc(host);
if (!nvcc) {
  report.line('check:cuda: SKIPPED, there is no nvcc on this machine: no CUDA source was compiled');
} else {
  const libtorch = await cudaLibtorch();
  if (!libtorch.cuda) throw new Error(`torch ${VERSION} from pip is no CUDA build`);
  const started = performance.now();
  build(libtorch, nvcc);
  const seconds = Math.round((performance.now() - started) / 1000);
  report.line(
    `check:cuda: compiled and linked with nvcc ${nvcc.version} for ${ARCHITECTURES}, ` +
      `against LibTorch ${libtorch.version} (CUDA), in ${seconds} s`,
  );
  const broken = await checkRegisters(folder, nvcc.path, (line) => report.line(line));
  if (broken > 0) throw new Error(`${broken} kernels break their limits, see above`);
  run(join(folder, 'Release/batch_norm_traffic'), []);
}
