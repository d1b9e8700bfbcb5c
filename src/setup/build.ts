import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  createWriteStream,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  type WriteStream,
} from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { finished } from 'node:stream/promises';
import { isDeepStrictEqual } from 'node:util';
import { MocoError } from '../error.js';
import {
  ADDON,
  BUILD_FOLDER,
  type BuildRecord,
  NATIVE_TESTS,
  type Nvcc,
  readBuildRecord,
  removeBuildRecord,
  writeBuildRecord,
} from '../native/buildRecord.js';
import { describe, type LibtorchPrefix } from '../native/libtorchPrefix.js';
import { fingerprints } from './fingerprints.js';
import { findCommand, type Host } from './host.js';
import { KERNELS_COST, nvccProblem } from './nvcc.js';
import type { Report } from './report.js';
import { findToolchain } from './toolchain.js';

const LOG = join(BUILD_FOLDER, 'build.log');
const SHOWN_LOG_LINES = 40;

/** The memory that one compiler takes for a file that includes LibTorch's headers. */
const BYTES_PER_COMPILER = 2e9;

/** What to build. */
export interface BuildRequest {
  /** The package's folder. */
  readonly root: string;
  readonly libtorch: LibtorchPrefix;
  /** The compiler for CUDA kernels; it is used where it works with the C++ compiler. */
  readonly nvcc: Nvcc | undefined;
  /** Build the C++ tests too. */
  readonly tests: boolean;
}

/**
 * Builds the addon, unless what is there was built from the same sources and LibTorch; returns
 * whether it built. Throws `ERR_MOCO_TOOLCHAIN` where a tool is missing or compiling fails.
 */
export async function buildAddon(
  request: BuildRequest,
  host: Host,
  report: Report,
): Promise<boolean> {
  const wanted = wantedRecord(request, host);
  if (isUpToDate(request.root, wanted)) return false;
  const { compiler } = findToolchain(host);
  const folder = join(request.root, BUILD_FOLDER);
  const nvcc = usableNvcc(request.nvcc, compiler, host, report);
  const options = cmakeOptions(request, nvcc);
  if (!canContinue(folder, { ...options, CMAKE_HOME_DIRECTORY: request.root }, compiler, host)) {
    rmSync(folder, { recursive: true });
  }
  mkdirSync(folder, { recursive: true });
  removeBuildRecord(request.root);
  await compile(request, options, compiler, host, report);
  writeBuildRecord(request.root, wanted);
  return true;
}

function wantedRecord({ root, libtorch, nvcc, tests }: BuildRequest, host: Host): BuildRecord {
  const now = fingerprints(root);
  const { platform, arch } = host;
  return {
    ...{ libtorch, nvcc: nvcc ?? null, platform, arch },
    ...{ sources: now.sources, tests: tests ? now.tests : null },
  };
}

/** Says what kernels are compiled with, or why not. */
function usableNvcc(
  nvcc: Nvcc | undefined,
  compiler: string,
  host: Host,
  report: Report,
): Nvcc | undefined {
  if (!nvcc) return undefined;
  // The compiler is the last word: before it may be a launcher, as in `ccache g++`.
  const hostCompiler = compiler.split(' ').at(-1) as string;
  const problem = nvccProblem(nvcc, hostCompiler, host);
  const name = `nvcc ${nvcc.version} (${nvcc.path})`;
  if (problem) {
    report.line(`CUDA kernels: not compiled, ${name} fails: ${problem}; ${KERNELS_COST}`);
    return undefined;
  }
  report.line(`CUDA kernels: compiled with ${name} for ${nvcc.architectures}`);
  return nvcc;
}

/** Whether what is there is what is wanted. A build with the tests also serves without them. */
function isUpToDate(root: string, wanted: BuildRecord): boolean {
  const built = readBuildRecord(root);
  if (!built || !existsSync(join(root, ADDON))) return false;
  if (wanted.tests === null) return isDeepStrictEqual({ ...built, tests: null }, wanted);
  return isDeepStrictEqual(built, wanted) && existsSync(join(root, NATIVE_TESTS));
}

function cmakeOptions(
  { libtorch, tests }: BuildRequest,
  nvcc: Nvcc | undefined,
): Record<string, string> {
  return {
    MOCO_LIBTORCH: libtorch.prefix,
    // With it, a LibTorch that replaced another in the same folder is noticed.
    MOCO_LIBTORCH_BUILD: describe(libtorch),
    MOCO_NVCC: nvcc?.path ?? '',
    // With it, an nvcc that replaced another in the same place is noticed.
    MOCO_NVCC_VERSION: nvcc?.version ?? '',
    MOCO_CUDA_ARCHITECTURES: nvcc?.architectures ?? '',
    MOCO_BUILD_TESTS: tests ? 'ON' : 'OFF',
  };
}

/**
 * Whether an earlier build can be continued. It cannot where folders, compiler or libraries have
 * changed, since CMake keeps those that it found first.
 */
function canContinue(
  folder: string,
  options: Record<string, string>,
  compiler: string,
  { env }: Host,
): boolean {
  const file = join(folder, 'CMakeCache.txt');
  if (!existsSync(file)) return !existsSync(folder);
  const cache = readFileSync(file, 'utf8');
  const entry = (name: string) => cache.match(new RegExp(`^${name}:\\w+=(.*)$`, 'm'))?.[1];
  const { MOCO_BUILD_TESTS: _, ...fixed } = options;
  return (
    // cmake-js leaves out options that are empty.
    Object.entries(fixed).every(([name, value]) => (entry(name) ?? '') === value) &&
    (isLaunched(compiler) || entry('CMAKE_CXX_COMPILER') === findCommand(compiler, env))
  );
}

/** Whether `$CXX` has a launcher before the compiler, as in `ccache g++`. */
function isLaunched(compiler: string): boolean {
  return compiler.includes(' ');
}

async function compile(
  request: BuildRequest,
  options: Record<string, string>,
  compiler: string,
  host: Host,
  report: Report,
): Promise<void> {
  const log = createWriteStream(join(request.root, LOG));
  const started = performance.now();
  report.line('addon: compiling (about 3 minutes the first time)');
  let exitCode = 0;
  try {
    for (const step of ['configure', 'build']) {
      const args = cmakeJsArguments(step, request.root, options, compiler, host);
      exitCode = await run(args, environment(compiler, host), log, report);
      if (exitCode !== 0) break;
    }
  } finally {
    log.end();
    await finished(log);
  }
  // This comes after the log was written to its end, because the error quotes it.
  if (exitCode !== 0) throw buildFailed(request.root, exitCode);
  const seconds = Math.round((performance.now() - started) / 1000);
  report.line(`addon: compiled in ${seconds} s`);
}

function cmakeJsArguments(
  step: string,
  root: string,
  options: Record<string, string>,
  compiler: string,
  { env }: Host,
): string[] {
  const path = findCommand(compiler, env);
  return [
    ...[join(root, 'node_modules/cmake-js/bin/cmake-js'), step],
    ...['--directory', root, '--out', join(root, BUILD_FOLDER), '--config', 'Release'],
    // cmake-js refuses to start without g++ or clang++ unless it is told both compilers.
    ...(path ? ['--cxx', path, '--cc', path] : []),
    ...(env.CMAKE_BUILD_PARALLEL_LEVEL ? [] : ['--parallel', `${parallelCompilers()}`]),
    ...Object.entries(options).map(([name, value]) => `--CD${name}=${value}`),
  ];
}

function parallelCompilers(): number {
  const memory = process.constrainedMemory() || totalmem();
  const byMemory = Math.floor(Math.min(memory, totalmem()) / BYTES_PER_COMPILER);
  return Math.max(1, Math.min(availableParallelism(), byMemory));
}

/** The environment of a build: CMake asks `node` for paths, which must be this very Node. */
function environment(compiler: string, { env }: Host): NodeJS.ProcessEnv {
  const path = [dirname(process.execPath), env.PATH].join(delimiter);
  return { ...env, PATH: path, ...(isLaunched(compiler) ? { CXX: compiler } : {}) };
}

async function run(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  log: WriteStream,
  report: Report,
): Promise<number> {
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  for (const output of [child.stdout, child.stderr]) output.pipe(log, { end: false });
  child.stdout.on('data', (chunk: Buffer) => {
    // Ninja counts files ("[3/21] "), make per cent ("[ 12%] ").
    const step = chunk.toString().match(/^\[ *(\d+%|\d+\/\d+)\] /m)?.[1];
    if (step) report.progress(`addon: compiling, ${step.replace('/', ' of ')}`);
  });
  const [exitCode] = (await once(child, 'close')) as [number | null];
  return exitCode ?? 1;
}

function buildFailed(root: string, exitCode: number): MocoError {
  const log = join(root, LOG);
  const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
  const ranOutOfMemory = lines.some((line) => /Killed|virtual memory exhausted/.test(line));
  return new MocoError(
    'ERR_MOCO_TOOLCHAIN',
    `Compiling the addon failed (exit code ${exitCode}). The end of ${log}:\n\n` +
      lines.slice(-SHOWN_LOG_LINES).join('\n'),
    {
      hint: ranOutOfMemory
        ? 'The compiler ran out of memory. Try: CMAKE_BUILD_PARALLEL_LEVEL=1 npm run setup'
        : `The whole log is ${log}. To start from scratch, delete ${join(root, BUILD_FOLDER)}.`,
    },
  );
}
