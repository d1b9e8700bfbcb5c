import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder, thisHost } from '../dist/setup/host.js';
import { root } from './run-tool.mjs';

/** Another version formats differently. */
const VERSION = '21.1.8';

/** Runs clang-format on our C++ and CUDA files, with more arguments; returns its exit code. */
export function runClangFormat(args) {
  const { status } = spawnSync(installed(), [...args, ...sources()], {
    cwd: root,
    stdio: 'inherit',
  });
  return status ?? 1;
}

function sources() {
  return readdirSync(join(root, 'native'), { recursive: true })
    .filter((file) => /\.(cc|cu|cuh|h)$/.test(file) && !file.includes('third_party'))
    .map((file) => join('native', file))
    .sort();
}

/** The program in moco's cache, installed with pip at the first call. */
function installed() {
  const cache = cacheFolder(thisHost());
  const folder = join(cache, `clang-format-${VERSION}`);
  if (!existsSync(folder)) install(cache, folder);
  return join(folder, 'clang_format/data/bin/clang-format');
}

function install(cache, folder) {
  mkdirSync(cache, { recursive: true });
  const workspace = mkdtempSync(join(cache, 'partial-'));
  try {
    const target = join(workspace, 'clang-format');
    const requirement = `clang-format==${VERSION}`;
    const { status } = spawnSync(
      'python3',
      ['-m', 'pip', 'install', '--quiet', '--no-deps', '--target', target, requirement],
      { env: { ...process.env, PIP_REQUIRE_VIRTUALENV: '0' }, stdio: 'inherit' },
    );
    if (status !== 0) throw new Error(`pip could not install ${requirement}`);
    renameSync(target, folder);
  } finally {
    rmSync(workspace, { recursive: true });
  }
}
