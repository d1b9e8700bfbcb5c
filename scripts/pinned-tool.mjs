import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from '../dist/native/cacheFolder.js';
import { thisHost } from '../dist/setup/host.js';

/**
 * The program of LLVM with this name (`clang-format`, `clang-tidy`) in exactly this version, because
 * another one says something else. It lies in moco's cache, installed with pip at the first call.
 */
export function pinnedTool(name, version) {
  const cache = cacheFolder(thisHost());
  const folder = join(cache, `${name}-${version}`);
  if (!existsSync(folder)) install(`${name}==${version}`, cache, folder);
  return join(folder, name.replace('-', '_'), 'data/bin', name);
}

function install(requirement, cache, folder) {
  mkdirSync(cache, { recursive: true });
  const workspace = mkdtempSync(join(cache, 'partial-'));
  try {
    const target = join(workspace, 'tool');
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
