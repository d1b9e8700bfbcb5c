import { execFileSync } from 'node:child_process';
import { MocoError } from '../error.js';
import { findCommand, type Host } from './host.js';

/** The tools of a build that there is a choice of. */
export interface Toolchain {
  /** The C++ compiler's command; with a launcher before it where `$CXX` has one (`ccache g++`). */
  readonly compiler: string;
}

type Package = 'cmake' | 'compiler' | 'make' | 'python' | 'pip';

/** What installs each of them, by system. */
const PACKAGES: Record<Package, { debian: string; fedora: string; macos: string }> = {
  cmake: { debian: 'cmake', fedora: 'cmake', macos: 'brew install cmake' },
  compiler: { debian: 'g++', fedora: 'gcc-c++', macos: 'xcode-select --install' },
  make: { debian: 'make', fedora: 'make', macos: 'xcode-select --install' },
  python: {
    debian: 'python3 python3-pip',
    fedora: 'python3 python3-pip',
    macos: 'brew install python',
  },
  pip: { debian: 'python3-pip', fedora: 'python3-pip', macos: 'brew install python' },
};

const OLDEST_CMAKE = [3, 18] as const;
const OLDEST_GCC = 11;
const OLDEST_CLANG = 14;

/**
 * The compiler that CMake would take comes first. Where it is too old, a newer one may be beside
 * it.
 */
const COMPILERS = ['c++', 'g++', 'clang++'].concat(
  [15, 14, 13, 12, 11].map((version) => `g++-${version}`),
  [20, 19, 18, 17, 16, 15, 14].map((version) => `clang++-${version}`),
);

/** Checks for CMake, a C++20 compiler and make or ninja. Throws `ERR_MOCO_TOOLCHAIN`. */
export function findToolchain(host: Host): Toolchain {
  const { compiler, missing } = examine(host);
  if (compiler !== undefined && missing.length === 0) return { compiler };
  throw missingTools(
    missing.map(({ problem }) => problem),
    missing.map(({ name }) => name),
  );
}

/** What `findToolchain` would miss, in words; undefined where it would miss nothing. */
export function toolchainProblem(host: Host): string | undefined {
  const { missing } = examine(host);
  return missing.length > 0 ? missing.map(({ problem }) => problem).join('; ') : undefined;
}

interface Missing {
  readonly name: Package;
  readonly problem: string;
}

function examine({ env }: Host): { compiler: string | undefined; missing: Missing[] } {
  const compiler = findCompiler(env);
  const hasMake = ['ninja', 'make'].some((name) => findCommand(name, env) !== undefined);
  const problems: [Package, string | undefined][] = [
    ['cmake', cmakeProblem(env)],
    ['compiler', compiler.problem],
    ['make', hasMake ? undefined : 'make or ninja (not found)'],
  ];
  const missing = problems.flatMap(([name, problem]) => (problem ? [{ name, problem }] : []));
  return { compiler: compiler.command, missing };
}

/** The error that names what is missing and the commands that install it. */
function missingTools(problems: readonly string[], packages: readonly Package[]): MocoError {
  return new MocoError('ERR_MOCO_TOOLCHAIN', `The set-up needs ${problems.join('; ')}.`, {
    hint: installCommands(packages).join('\n'),
  });
}

/** What installs these packages: one line for each system. */
export function installCommands(packages: readonly Package[]): string[] {
  const entries = packages.map((name) => PACKAGES[name]);
  const macos = [...new Set(entries.map((entry) => entry.macos))];
  return [
    `Debian, Ubuntu: sudo apt-get install ${entries.map(({ debian }) => debian).join(' ')}`,
    `Fedora:         sudo dnf install ${entries.map(({ fedora }) => fedora).join(' ')}`,
    `macOS:          ${macos.join(' && ')}`,
  ];
}

function cmakeProblem(env: NodeJS.ProcessEnv): string | undefined {
  const needed = `CMake ${OLDEST_CMAKE.join('.')} or newer`;
  const output = versionOutput('cmake', env);
  if (output === undefined) return `${needed} (not found)`;
  const [, version, major, minor] = output.match(/cmake version ((\d+)\.(\d+)\S*)/) ?? [];
  const [oldestMajor, oldestMinor] = OLDEST_CMAKE;
  const isRecent =
    Number(major) > oldestMajor || (Number(major) === oldestMajor && Number(minor) >= oldestMinor);
  return isRecent ? undefined : `${needed} (found ${version ?? 'an unknown version'})`;
}

function findCompiler(env: NodeJS.ProcessEnv): { command?: string; problem?: string } {
  const found: string[] = [];
  for (const command of env.CXX ? [env.CXX] : COMPILERS) {
    const output = versionOutput(command, env);
    if (output === undefined) continue;
    const { name, major, oldest } = identifyCompiler(output);
    if (major >= oldest) return { command };
    found.push(`${command} is ${name} ${major}`);
  }
  const reason = found.length > 0 ? found.join(', ') : 'not found';
  const place = env.CXX ? `; $CXX is "${env.CXX}"` : '';
  return {
    problem: `a C++20 compiler: g++ ${OLDEST_GCC} or clang ${OLDEST_CLANG} or newer (${reason}${place})`,
  };
}

/** Apple numbers its clang in its own way, but its version 14 is LLVM's 14, too. */
function identifyCompiler(output: string): { name: string; major: number; oldest: number } {
  const clang = output.match(/clang version (\d+)/);
  if (clang) return { name: 'clang', major: Number(clang[1]), oldest: OLDEST_CLANG };
  const gcc = output.match(/\) (\d+)\.\d+/);
  return { name: 'g++', major: Number(gcc?.[1] ?? 0), oldest: OLDEST_GCC };
}

/** What `<command> --version` prints; undefined where it does not run. */
function versionOutput(command: string, env: NodeJS.ProcessEnv): string | undefined {
  const [program = '', ...args] = command.split(/\s+/);
  if (findCommand(program, env) === undefined) return undefined;
  try {
    return execFileSync(program, [...args, '--version'], {
      env,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  } catch {
    // It fails, as macOS's stand-in for a compiler does where none is installed.
    return undefined;
  }
}
