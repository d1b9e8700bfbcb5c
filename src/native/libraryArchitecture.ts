import { closeSync, openSync, readSync } from 'node:fs';

/** ELF's `e_machine` and Mach-O's `cputype`, by Node's names. */
const ELF_MACHINES = new Map([
  [0x3e, 'x64'],
  [0xb7, 'arm64'],
]);
const MACH_O_CPU_TYPES = new Map([
  [0x01000007, 'x64'],
  [0x0100000c, 'arm64'],
]);

/**
 * The architecture that a shared library is for, in Node's words (`x64`, `arm64`). Undefined where
 * the file is not a library or is for several.
 */
export function libraryArchitecture(file: string): string | undefined {
  const header = Buffer.alloc(20);
  const descriptor = openSync(file, 'r');
  try {
    readSync(descriptor, header);
  } finally {
    closeSync(descriptor);
  }
  if (header.readUInt32BE(0) === 0x7f454c46) return ELF_MACHINES.get(header.readUInt16LE(18));
  if (header.readUInt32LE(0) === 0xfeedfacf) return MACH_O_CPU_TYPES.get(header.readUInt32LE(4));
  return undefined;
}
