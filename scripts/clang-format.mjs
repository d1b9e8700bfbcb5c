import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pinnedTool } from './pinned-tool.mjs';
import { root } from './run-tool.mjs';

const VERSION = '21.1.8';

/** Runs clang-format on our C++ and CUDA files, with more arguments; returns its exit code. */
export function runClangFormat(args) {
  const program = pinnedTool('clang-format', VERSION);
  const { status } = spawnSync(program, [...args, ...sources()], {
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
