import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { ADDON, LOADER, writeBuildRecord } from '#moco/native/buildRecord.js';
import { SOURCES_FILE } from '#moco/native/setUpRecord.js';
import { packageRoot } from '#moco/packageRoot.js';
import type { Host } from '#moco/setup/host.js';
import { bareHost, writeCommand, writeFiles, writeLibtorch } from './fakeHost.js';
import { addonFolder } from './nativeBuild.js';
import { compileLibrary, EMPTY_ADDON } from './sharedLibrary.js';
import { temporaryFolder } from './temporaryFolder.js';

/** Stands for cmake-js: counts its calls, and "builds" by copying what is ready. */
const FAKE_CMAKE_JS = `
const { appendFileSync, cpSync, existsSync, writeFileSync } = require('node:fs');
const [step, ...args] = process.argv.slice(2);
const value = (name) => args[args.indexOf(name) + 1];
const root = value('--directory'), out = value('--out');
appendFileSync(root + '/calls', step + '\\n');
if (existsSync(root + '/fails')) { console.error('error: no semicolon'); process.exit(3); }
if (step === 'build') cpSync(root + '/ready', out + '/Release', { recursive: true });
`;

/** A package as npm installs it, on a machine of its own with a LibTorch. */
export interface PublishedPackage {
  readonly root: string;
  readonly host: Host;
  readonly cache: string;
  readonly libtorch: string;
  /** What the build tool was called for. */
  calls(): string[];
  /** Puts the tools of a build on the machine. */
  addTools(): void;
  /** Installs a platform package; what differs from a good one is given. */
  addPlatformPackage(different?: PlatformPackage): string;
}

interface PlatformPackage {
  readonly sources?: string;
  /** The processor that it was built for. */
  readonly cpu?: string;
  readonly version?: string;
  readonly addon?: string;
}

/** The fingerprint of the package's sources. */
export const SOURCES = 'abcdef0123456789';

export function publishedPackage(t: TestContext): PublishedPackage {
  const folder = temporaryFolder(t);
  const root = join(folder, 'node_modules/moco-node');
  writeFiles(root, {
    'package.json': JSON.stringify({ name: 'moco-node', version: '0.1.0' }),
    'CMakeLists.txt': 'project(moco)',
    'native/core/moco.cc': 'int moco;',
    [SOURCES_FILE]: JSON.stringify({ sources: SOURCES }),
  });
  // Not below the package, but beside it, where npm puts what several packages need.
  writeFiles(join(folder, 'node_modules'), {
    'cmake-js/package.json': '{}',
    'cmake-js/bin/cmake-js': FAKE_CMAKE_JS,
  });
  const loader = join(addonFolder(packageRoot), LOADER);
  compileLibrary(join(root, 'ready', ADDON), EMPTY_ADDON);
  cpSync(loader, join(root, 'ready', LOADER));
  const libtorch = writeLibtorch(join(folder, 'libtorch'), '2.13.0');
  for (const name of ['c10', 'torch_cpu']) {
    compileLibrary(join(libtorch, `lib/lib${name}.so`), `int ${name} = 1;`);
  }
  const { platform, arch } = process;
  const host = { ...bareHost(folder, { LIBTORCH: libtorch }), platform, arch };
  return {
    ...{ root, host, libtorch, cache: host.env.MOCO_CACHE as string },
    calls: () => linesOf(join(root, 'calls')),
    addTools: () => {
      writeCommand(host, 'cmake', 'echo cmake version 3.25.1');
      writeCommand(host, 'c++', 'echo "c++ (Debian 12.2.0-14) 12.2.0"');
      writeCommand(host, 'make', '');
    },
    addPlatformPackage: ({
      sources = SOURCES,
      cpu = arch,
      version = '2.13.0',
      addon = EMPTY_ADDON,
    } = {}) => {
      const name = join(folder, `node_modules/moco-node-${platform}-${arch}`);
      writeFiles(name, { 'package.json': '{}' });
      compileLibrary(join(name, ADDON), addon);
      cpSync(loader, join(name, LOADER));
      writeBuildRecord(name, {
        ...{ libtorch: { version, cuda: false }, nvcc: null, platform, arch: cpu },
        ...{ sources, tests: null },
      });
      return name;
    },
  };
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return [];
  }
}
