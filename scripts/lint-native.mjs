// Checks the computing core with clang-tidy, by the rules in .clang-tidy: every C++ file of native/core
// that this machine's build compiles. It compiles nothing, and needs LibTorch for its headers.
//
//   npm run lint:native              all files
//   npm run lint:native -- queue     files whose path contains "queue"
import { execFile, execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { thisHost } from '../dist/setup/host.js';
import { findLibtorch } from '../dist/setup/libtorch.js';
import { streamReport } from '../dist/setup/report.js';
import { pinnedTool } from './pinned-tool.mjs';
import { root } from './run-tool.mjs';

/** Since 22, clang-tidy does not search the headers of libraries, which takes longer than our files. */
const VERSION = '22.1.8';

const folder = join(root, 'build/lint');
const report = streamReport(process.stderr);

/** Lets CMake write down how each file is compiled; returns the core's files. */
function configure({ prefix }) {
  const options = {
    MOCO_LIBTORCH: prefix,
    // With the tests, CUDA kernels are compiled for the CPU, and can be checked without an nvcc.
    MOCO_BUILD_TESTS: 'ON',
    CMAKE_EXPORT_COMPILE_COMMANDS: 'ON',
    // Another compiler's precompiled headers are of no use to clang.
    CMAKE_DISABLE_PRECOMPILE_HEADERS: 'ON',
    // Apple's compiler knows where the system's headers are; clang-tidy must be told.
    ...(process.platform === 'darwin' ? { CMAKE_OSX_SYSROOT: 'macosx' } : {}),
  };
  const definitions = Object.entries(options).map(([name, value]) => `-D${name}=${value}`);
  execFileSync('cmake', ['-S', root, '-B', folder, ...definitions], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const commands = JSON.parse(readFileSync(join(folder, 'compile_commands.json'), 'utf8'));
  return commands
    .map(({ file }) => relative(root, file))
    .filter((file) => file.startsWith('native/core/'));
}

/** Prints what is wrong with a file; returns whether nothing is. */
async function check(program, file) {
  try {
    const options = { cwd: root, maxBuffer: Infinity };
    await promisify(execFile)(program, ['--quiet', '-p', folder, file], options);
    return true;
  } catch (error) {
    process.stdout.write(error.stdout || `${file}: ${error.message}\n`);
    return false;
  }
}

/** Checks the files with one clang-tidy for each core; returns whether all are right. */
async function checkAll(program, files) {
  const waiting = [...files];
  let clean = true;
  const worker = async () => {
    for (let file = waiting.shift(); file; file = waiting.shift()) {
      clean = (await check(program, file)) && clean;
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  return clean;
}

const filters = process.argv.slice(2);
const files = configure(await findLibtorch(thisHost(), report)).filter(
  (file) => filters.length === 0 || filters.some((filter) => file.includes(filter)),
);
if (files.length === 0) throw new Error(`no file of the core matches ${filters.join(', ')}`);
const started = performance.now();
const clean = await checkAll(pinnedTool('clang-tidy', VERSION), files);
const seconds = Math.round((performance.now() - started) / 1000);
report.line(
  `clang-tidy: ${clean ? 'nothing wrong' : 'see above'}; files: ${files.length}, in ${seconds} s`,
);
process.exitCode = clean ? 0 : 1;
