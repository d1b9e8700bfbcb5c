import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';

/** As the package for Debian and Ubuntu, or a build of one's own, calls it. */
const EMULATORS = ['qemu-aarch64-static', 'qemu-aarch64'];

/** Where the packages of the cross compiler put the C and C++ libraries for 64-bit Arm. */
const LIBRARIES = '/usr/aarch64-linux-gnu/lib';

/** A usual processor of servers, which has neither bf16 nor SVE, and how Linux describes it. */
const PROCESSOR = 'neoverse-n1';
const FEATURES =
  'fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp';
const describe = (number) => `processor\t: ${number}
BogoMIPS\t: 50.00
Features\t: ${FEATURES}
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x4
CPU part\t: 0xd0c
CPU revision\t: 1

`;

/**
 * A function that runs a program for 64-bit Arm, and returns what it writes to standard output unless
 * `options.stdio` has it go elsewhere; undefined where there is no emulator.
 * @param folder where the emulator finds what differs from this machine
 */
export function makeEmulator(folder) {
  const emulator = EMULATORS.find((program) => !spawnSync(program, ['--version']).error);
  if (!emulator) return undefined;
  writeSystem(folder);
  return (words, { env = {}, ...options } = {}) => {
    const settings = {
      encoding: 'utf8',
      // Threads that spin while they wait for each other take the time that the emulation needs.
      env: { ...process.env, OMP_WAIT_POLICY: 'passive', ...env },
      ...options,
    };
    const args = ['-cpu', PROCESSOR, '-L', folder, ...words];
    const { status, signal, error, stdout } = spawnSync(emulator, args, settings);
    if (error) throw error;
    if (status !== 0)
      throw new Error(`${words.join(' ')} ended with ${signal ?? status}, see above`);
    return stdout;
  };
}

/**
 * Files that the emulator puts in the place of this machine's: the libraries, and the description of
 * the processor, without which LibTorch reads that of this machine, and ends the process.
 */
function writeSystem(folder) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, 'proc'), { recursive: true });
  symlinkSync(LIBRARIES, join(folder, 'lib'));
  const processors = cpus().map((_, number) => describe(number));
  writeFileSync(join(folder, 'proc/cpuinfo'), processors.join(''));
}
