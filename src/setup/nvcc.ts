import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MocoError } from '../error.js';
import type { Nvcc } from '../native/buildRecord.js';
import { findCommand, type Host } from './host.js';

/**
 * GPUs from Ampere on, and Hopper: code for 80 also runs on later GPUs, whose driver translates it.
 */
const USUAL_ARCHITECTURES = '80;90a';

/** Where NVIDIA's installer puts nvcc; no system has that folder on its `PATH`. */
const USUAL_PLACE = '/usr/local/cuda/bin/nvcc';

/** What it costs to have no kernels, in words for the user. */
export const KERNELS_COST =
  "training on a GPU works with LibTorch's operators alone, and is slower: they read and write memory more often";

/** How to get kernels, in words for the user. */
export const KERNELS_HINT =
  "Install NVIDIA's CUDA toolkit (nvcc 12 or newer), put nvcc on the PATH or set CUDACXX to it, and run the set-up again.";

/**
 * The nvcc of `$CUDACXX`, `$CUDA_HOME`, `PATH` or the usual place, whichever is there first;
 * undefined where none is. It compiles for the GPUs of this machine, else for the usual ones;
 * `$MOCO_CUDA_ARCHITECTURES` overrides that.
 * @throws MocoError `ERR_MOCO_TOOLCHAIN` where that variable is no list of architectures
 */
export function findNvcc({ env }: Host): Nvcc | undefined {
  const inToolkit = env.CUDA_HOME && join(env.CUDA_HOME, 'bin/nvcc');
  for (const name of [env.CUDACXX, inToolkit, 'nvcc', USUAL_PLACE]) {
    const path = name ? findCommand(name, env) : undefined;
    const version = path && versionOf(path, env);
    if (path && version) return { path, version, architectures: architectures(env) };
  }
  return undefined;
}

/**
 * Why nvcc cannot compile kernels with a C++ compiler, in nvcc's words; undefined where it can. Each
 * nvcc takes compilers up to a certain version, and knows architectures up to its own time.
 */
export function nvccProblem(
  { path, architectures }: Nvcc,
  compiler: string,
  { env }: Host,
): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'moco-nvcc-'));
  try {
    const source = join(folder, 'kernel.cu');
    writeFileSync(source, '#include <cuda_runtime_api.h>\n__global__ void kernel() {}\n');
    const targets = architectures
      .split(';')
      .map((target) => `-gencode=arch=compute_${target},code=sm_${target}`);
    const { status, stdout, stderr } = spawnSync(
      path,
      ['-ccbin', compiler, '-std=c++17', ...targets, '-c', '-o', join(folder, 'kernel.o'), source],
      { env, encoding: 'utf8' },
    );
    if (status === 0) return undefined;
    const complaints = `${stdout}\n${stderr}`.split('\n').filter((line) => /error/i.test(line));
    return complaints[0]?.trim() ?? `it ended with exit code ${status}`;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function versionOf(path: string, env: NodeJS.ProcessEnv): string | undefined {
  return outputOf(path, ['--version'], env)?.match(/\bV(\d+\.\d+\.\d+)/)?.[1];
}

function architectures(env: NodeJS.ProcessEnv): string {
  const asked = env.MOCO_CUDA_ARCHITECTURES;
  if (!asked) return ofThisMachine(env) ?? USUAL_ARCHITECTURES;
  if (/^\d+[af]?(;\d+[af]?)*$/.test(asked)) return asked;
  throw new MocoError(
    'ERR_MOCO_TOOLCHAIN',
    `$MOCO_CUDA_ARCHITECTURES is "${asked}", which is no list of compute capabilities.`,
    { hint: `Set it to a list like "${USUAL_ARCHITECTURES}", or unset it.` },
  );
}

/**
 * The architectures of all GPUs that the driver lists; for Hopper's own instructions with an `a`.
 */
function ofThisMachine(env: NodeJS.ProcessEnv): string | undefined {
  const query = ['--query-gpu=compute_cap', '--format=csv,noheader'];
  const lines = outputOf('nvidia-smi', query, env)?.trim().split('\n') ?? [];
  const capabilities = lines.map((line) => line.trim()).filter((line) => /^\d+\.\d$/.test(line));
  if (capabilities.length === 0) return undefined;
  const names = capabilities.map((capability) => capability.replace('.', ''));
  return [...new Set(names.map((name) => (name === '90' ? '90a' : name)))].sort().join(';');
}

/** What a program prints; undefined where it does not run. */
function outputOf(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): string | undefined {
  try {
    return execFileSync(program, args, {
      env,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  } catch {
    return undefined;
  }
}
