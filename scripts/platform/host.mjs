import { join } from 'node:path';
import { packageRoot as root } from '../../dist/packageRoot.js';
import { findCommand, thisHost } from '../../dist/setup/host.js';

/** What names of tools for 64-bit Arm begin with on another machine, and what installs them. */
const CROSS_TOOLS = 'aarch64-linux-gnu-';
export const INSTALL_CROSS_TOOLS = 'sudo apt-get install g++-aarch64-linux-gnu';

/** Whether an addon for this architecture is compiled by a cross compiler. */
export function isCross(arch) {
  return arch !== process.arch;
}

/** The program that removes from a library what only debuggers need. */
export function stripFor(arch) {
  return isCross(arch) ? `${CROSS_TOOLS}strip` : 'strip';
}

/** The cross compiler's path; undefined where it is not there. */
export function findCrossCompiler() {
  return findCommand(`${CROSS_TOOLS}g++`, process.env);
}

/** The machine that an addon is made for, with the environment to compile it in on this one. */
export function hostFor(arch) {
  const host = { ...thisHost(), arch, nvidiaDriver: false };
  if (host.platform !== 'linux') throw new Error('platform packages are made on Linux');
  if (!isCross(arch)) return host;
  if (arch !== 'arm64') throw new Error(`on ${process.arch} there is no compiler for ${arch}`);
  const compiler = findCrossCompiler();
  if (compiler === undefined) {
    throw new Error(`there is no compiler for ${arch}: ${INSTALL_CROSS_TOOLS}`);
  }
  const toolchain = join(root, 'native/cmake/aarch64-linux-gnu.cmake');
  return { ...host, env: { ...host.env, CXX: compiler, CMAKE_TOOLCHAIN_FILE: toolchain } };
}
