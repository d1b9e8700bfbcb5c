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
import { throwIfAborted } from '../abort.js';
import { MocoError } from '../error.js';
import {
  ADDON,
  type BuildRecord,
  LOADER,
  NATIVE_TESTS,
  type Nvcc,
  readBuildRecord,
  removeBuildRecord,
  writeBuildRecord,
} from '../native/buildRecord.js';
import { describe, type LibtorchPrefix, missingHeader } from '../native/libtorchPrefix.js';
import { setUpCommand } from '../native/loadFailure.js';
import { isClone } from '../packageRoot.js';
import { packageFolder } from './dependencies.js';
import { endGroup } from './endGroup.js';
import { findCommand, type Host } from './host.js';
import { KERNELS_COST, nvccProblem } from './nvcc.js';
import type { Report } from './report.js';
import { findToolchain } from './toolchain.js';

const CMAKE_CACHE = 'CMakeCache.txt';

const SHOWN_LOG_LINES = 40;

/** The memory that one compiler takes for a file that includes LibTorch's headers. */
const BYTES_PER_COMPILER = 2e9;

/** What to build, and where. */
export interface BuildRequest {
  /** The package's folder. */
  readonly root: string;
  /** The folder that CMake works in; a build that is there is continued. */
  readonly folder: string;
  /** Gets all that CMake and the compiler print. */
  readonly log: string;
  readonly libtorch: LibtorchPrefix;
  /** The compiler for CUDA kernels; it is used where it works with the C++ compiler. */
  readonly nvcc: Nvcc | undefined;
  /** Fingerprint of what the addon is built from. */
  readonly sources: string;
  /** Fingerprint of the C++ tests, which are built too; null where they are not. */
  readonly tests: string | null;
}

/** Where in a build's folder the addon is, with its record and the C++ tests. */
export function productsOf(folder: string): string {
  return join(folder, 'Release');
}

/**
 * Builds the addon, unless what is there was built from the same sources and LibTorch; returns
 * whether it built. Throws `ERR_MOCO_TOOLCHAIN` where a tool is missing or compiling fails,
 * `ERR_MOCO_LIBTORCH_NOT_FOUND` where LibTorch is there without its headers, `ERR_MOCO_ABORTED`
 * after the signal.
 */
export async function buildAddon(
  request: BuildRequest,
  host: Host,
  report: Report,
): Promise<boolean> {
  const wanted = wantedRecord(request, host);
  if (isUpToDate(request, wanted)) return false;
  requireHeaders(request.libtorch);
  const { compiler } = findToolchain(host);
  const { folder } = request;
  const nvcc = usableNvcc(request.nvcc, compiler, host, report);
  const options = cmakeOptions(request, nvcc);
  if (!canContinue(folder, { ...options, CMAKE_HOME_DIRECTORY: request.root }, compiler, host)) {
    rmSync(folder, { recursive: true });
  }
  mkdirSync(folder, { recursive: true });
  removeBuildRecord(productsOf(folder));
  await compile(request, options, compiler, host, report);
  writeBuildRecord(productsOf(folder), wanted);
  return true;
}

function wantedRecord({ libtorch, nvcc, sources, tests }: BuildRequest, host: Host): BuildRecord {
  const { version, cuda } = libtorch;
  const { platform, arch } = host;
  return { libtorch: { version, cuda }, nvcc: nvcc ?? null, platform, arch, sources, tests };
}

function requireHeaders({ prefix }: LibtorchPrefix): void {
  const missing = missingHeader(prefix);
  if (missing === undefined) return;
  throw new MocoError(
    'ERR_MOCO_LIBTORCH_NOT_FOUND',
    `The LibTorch in ${prefix} is none to build against: it has no ${missing}.`,
    { hint: 'Set LIBTORCH to the folder of a whole one, with include/ and lib/, or unset it.' },
  );
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
function isUpToDate({ folder, libtorch }: BuildRequest, wanted: BuildRecord): boolean {
  const products = productsOf(folder);
  const isThere = (name: string) => existsSync(join(products, name));
  const built = readBuildRecord(products);
  if (!built || !isThere(ADDON) || !isThere(LOADER)) return false;
  // Programs, unlike the addon, are linked with the libraries of one folder.
  if (cachedOption(folder, 'MOCO_LIBTORCH') !== libtorch.prefix) return false;
  if (wanted.tests === null) return isDeepStrictEqual({ ...built, tests: null }, wanted);
  return isDeepStrictEqual(built, wanted) && isThere(NATIVE_TESTS);
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
    MOCO_BUILD_TESTS: tests === null ? 'OFF' : 'ON',
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
  if (!existsSync(join(folder, CMAKE_CACHE))) return !existsSync(folder);
  const { MOCO_BUILD_TESTS: _, ...fixed } = options;
  return (
    // cmake-js leaves out options that are empty.
    Object.entries(fixed).every(([name, value]) => (cachedOption(folder, name) ?? '') === value) &&
    (isLaunched(compiler) ||
      cachedOption(folder, 'CMAKE_CXX_COMPILER') === findCommand(compiler, env))
  );
}

/** What CMake was told, or found, of this name; undefined where there is no such entry. */
function cachedOption(folder: string, name: string): string | undefined {
  const file = join(folder, CMAKE_CACHE);
  if (!existsSync(file)) return undefined;
  return readFileSync(file, 'utf8').match(new RegExp(`^${name}:\\w+=(.*)$`, 'm'))?.[1];
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
  const log = createWriteStream(request.log);
  const started = performance.now();
  report.line('addon: compiling (about 4 minutes the first time)');
  let exitCode = 0;
  try {
    for (const step of ['configure', 'build']) {
      const args = cmakeJsArguments(step, request, options, compiler, host);
      exitCode = await run(args, environment(compiler, host), log, host, report);
      if (exitCode !== 0) break;
    }
  } finally {
    log.end();
    await finished(log);
  }
  throwIfAborted(host.signal, 'the set-up');
  // This comes after the log was written to its end, because the error quotes it.
  if (exitCode !== 0) throw buildFailed(request, exitCode);
  const seconds = Math.round((performance.now() - started) / 1000);
  report.line(`addon: compiled in ${seconds} s`);
}

function cmakeJsArguments(
  step: string,
  { root, folder }: BuildRequest,
  options: Record<string, string>,
  compiler: string,
  { env }: Host,
): string[] {
  const path = findCommand(compiler, env);
  return [
    ...[join(packageFolder('cmake-js', root), 'bin/cmake-js'), step],
    ...['--directory', root, '--out', folder, '--config', 'Release'],
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
  { signal }: Host,
  report: Report,
): Promise<number> {
  const stdio = ['ignore', 'pipe', 'pipe'] as const;
  // A group of its own, since it starts CMake, and that the compilers.
  const child = spawn(process.execPath, args, { env, stdio: [...stdio], detached: true });
  using _ending = endGroup(child, signal);
  for (const output of [child.stdout, child.stderr]) output.pipe(log, { end: false });
  child.stdout.on('data', (chunk: Buffer) => {
    // Ninja counts files ("[3/21] "), make per cent ("[ 12%] ").
    const [, done, all = '100'] = chunk.toString().match(/^\[ *(\d+)(?:%|\/(\d+))\] /m) ?? [];
    if (done === undefined) return;
    const fraction = Number(done) / Number(all);
    report.progress(`addon: compiling, ${Math.round(100 * fraction)} %`, fraction);
  });
  const [exitCode] = (await once(child, 'close')) as [number | null];
  return exitCode ?? 1;
}

function buildFailed({ root, folder, log }: BuildRequest, exitCode: number): MocoError {
  const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
  const ranOutOfMemory = lines.some((line) => /Killed|virtual memory exhausted/.test(line));
  // A published package is built in a folder that goes.
  const fromScratch = isClone(root) ? ` To start from scratch, delete ${folder}.` : '';
  return new MocoError(
    'ERR_MOCO_TOOLCHAIN',
    `Compiling the addon failed (exit code ${exitCode}). The end of ${log}:\n\n` +
      lines.slice(-SHOWN_LOG_LINES).join('\n'),
    {
      hint: ranOutOfMemory
        ? `The compiler ran out of memory. Try: CMAKE_BUILD_PARALLEL_LEVEL=1 ${setUpCommand(root)}`
        : `The whole log is ${log}.${fromScratch}`,
    },
  );
}
