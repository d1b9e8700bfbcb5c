import { MocoError, type MocoErrorCode, numbered } from '../error.js';
import type { BuildRecord } from './buildRecord.js';
import { describe } from './libtorchPrefix.js';

interface Machine {
  readonly platform: string;
  readonly arch: string;
}

/** The error for a package whose addon was never built, or whose build did not end. */
export function addonMissing(root: string, file: string): MocoError {
  return new MocoError(
    'ERR_MOCO_NATIVE_MISSING',
    `The native addon is not built: there is no complete build of ${file}.`,
    { hint: `Build it, which needs a few minutes: ${setUp(root)}` },
  );
}

/** The error for a package that was copied from, or is shared with, another kind of machine. */
export function builtForAnotherMachine(
  root: string,
  record: BuildRecord,
  machine: Machine,
): MocoError {
  return new MocoError(
    'ERR_MOCO_NATIVE_MISSING',
    `The native addon in ${root} was built for ${record.platform}-${record.arch}, and this is ` +
      `Node ${process.versions.node} for ${machine.platform}-${machine.arch}.`,
    {
      hint: numbered([
        `Build it here: ${setUp(root)}`,
        `Or run it with a Node for ${record.platform}-${record.arch}.`,
      ]),
    },
  );
}

/** The error for a LibTorch that is not any more what was built against; `change` says how. */
export function libtorchChanged(root: string, record: BuildRecord, change: string): MocoError {
  return new MocoError(
    'ERR_MOCO_LIBTORCH_MISMATCH',
    `The native addon was built against ${describe(record.libtorch)} in ` +
      `${record.libtorch.prefix}, which has changed: ${change}.`,
    {
      hint: numbered([
        `Build it against the LibTorch that is here now: ${setUp(root)}`,
        `Or put LibTorch ${record.libtorch.version} back at ${record.libtorch.prefix}.`,
      ]),
    },
  );
}

interface MocoErrorParts {
  readonly code: MocoErrorCode;
  readonly reason: string;
  readonly solutions: readonly string[];
}

const TOO_MANY_FILES: MocoErrorParts = {
  code: 'ERR_MOCO_LIMIT',
  reason: 'too many files are open',
  solutions: ['Raise the limit (`ulimit -n`), or close files that are not needed.'],
};

/** What the dynamic linker may say, and what it means; the first pattern that matches is taken. */
const CASES: {
  readonly pattern: RegExp;
  explain(match: RegExpMatchArray, root: string, record: BuildRecord): MocoErrorParts;
}[] = [
  {
    // Before the next case: of a library that cannot be opened, the reason stands behind it.
    pattern: /Too many open files|EMFILE|ENFILE/,
    explain: () => TOO_MANY_FILES,
  },
  {
    pattern: /Cannot allocate memory|failed to map segment from shared object$/m,
    explain: () => ({
      code: 'ERR_MOCO_OUT_OF_MEMORY',
      reason: 'there is no memory left to load LibTorch into',
      solutions: [
        'Raise the limits of memory (a container) and of address space (`ulimit -v`): LibTorch ' +
          'alone takes some GiB of the latter.',
      ],
    }),
  },
  {
    pattern: /failed to map segment from shared object: Operation not permitted/,
    explain: () => ({
      code: 'ERR_MOCO_NATIVE_MISSING',
      reason: 'it lies on a file system from which nothing may be executed (noexec)',
      solutions: ['Move it to another file system, or mount this one without noexec.'],
    }),
  },
  {
    pattern: /loading addons is disabled/,
    explain: () => ({
      code: 'ERR_MOCO_NATIVE_MISSING',
      reason: 'this Node was told to load no addons',
      solutions: [
        process.permission
          ? "Give it Node's --allow-addons."
          : "Start it without Node's --no-addons (see NODE_OPTIONS, and a worker's execArgv, too).",
      ],
    }),
  },
  {
    // The first alternative is what Linux says, the second what macOS says.
    pattern: /(\S+): cannot open shared object file|Library not loaded: (\S+)/,
    explain: (match, root, record) => missingLibrary(match[1] ?? match[2] ?? '', root, record),
  },
  {
    pattern: /undefined symbol: (\S+)|symbol not found.*?'(\S+)'/i,
    explain: (match, root, { libtorch }) => ({
      code: 'ERR_MOCO_LIBTORCH_MISMATCH',
      reason: `${describe(libtorch)} in ${libtorch.prefix} does not have the symbol ${match[1] ?? match[2]}`,
      solutions: [
        ...otherLibraries(),
        `Build it again, against the LibTorch that is here now: ${fromScratch(root)}`,
      ],
    }),
  },
  {
    pattern: /version [`'](GLIBC\S*)' not found/,
    explain: (match, root) => ({
      code: 'ERR_MOCO_NATIVE_MISSING',
      reason: `it was built on a newer system: this one's C and C++ libraries lack ${match[1]}`,
      solutions: [...otherLibraries(), `Build it here: ${fromScratch(root)}`],
    }),
  },
  {
    pattern: /invalid ELF header|wrong ELF class|file too short|incompatible architecture|mach-o/i,
    explain: (_, root) => ({
      code: 'ERR_MOCO_NATIVE_MISSING',
      reason: `it is damaged or not for ${process.platform}-${process.arch}`,
      solutions: [`Build it again: ${fromScratch(root)}`],
    }),
  },
];

/** The error for an addon that is there, but that Node could not load. */
export function cannotBeLoaded(
  root: string,
  file: string,
  record: BuildRecord,
  error: Error,
): MocoError {
  const { code, reason, solutions } = explain(error.message, root, record);
  return new MocoError(
    code,
    `The native addon cannot be loaded: ${reason}.\n` +
      `Tried ${file}, built against ${describe(record.libtorch)} in ${record.libtorch.prefix}, ` +
      `in Node ${process.versions.node} for ${process.platform}-${process.arch}.\n` +
      `The system said: ${error.message}`,
    { hint: numbered(solutions), cause: error },
  );
}

/** The error for a file of the addon or of LibTorch that cannot be read; others stay as they are. */
export function notReadable(root: string, error: NodeJS.ErrnoException): Error {
  const start = 'The native addon cannot be loaded: ';
  if (error.code === 'ERR_ACCESS_DENIED') {
    const { resource } = error as { resource?: string };
    return new MocoError(
      'ERR_MOCO_NATIVE_MISSING',
      `${start}Node's permission model does not let this process read ${resource}.`,
      {
        hint: `Give Node --allow-addons, --allow-fs-read=${root} and --allow-fs-read=${resource}.`,
        cause: error,
      },
    );
  }
  if (error.code !== 'EMFILE' && error.code !== 'ENFILE') return error;
  const { code, reason, solutions } = TOO_MANY_FILES;
  return new MocoError(code, `${start}${reason}.`, { hint: numbered(solutions), cause: error });
}

function explain(message: string, root: string, record: BuildRecord): MocoErrorParts {
  for (const { pattern, explain } of CASES) {
    const match = message.match(pattern);
    if (match) return explain(match, root, record);
  }
  return {
    code: 'ERR_MOCO_NATIVE_MISSING',
    reason: 'for a reason that moco does not know',
    solutions: [`Build it again: ${fromScratch(root)}`],
  };
}

function missingLibrary(library: string, root: string, record: BuildRecord): MocoErrorParts {
  const { prefix, version } = record.libtorch;
  const reason = `the shared library ${library} is missing`;
  if (/libgomp/.test(library)) {
    return {
      code: 'ERR_MOCO_NATIVE_MISSING',
      reason,
      solutions: ['Install it: sudo apt-get install libgomp1, or sudo dnf install libgomp'],
    };
  }
  return {
    code: 'ERR_MOCO_LIBTORCH_MISMATCH',
    reason,
    solutions: [
      `If ${prefix} is of a Python environment, install torch ${version} there again, with all of ` +
        `its dependencies: python3 -m pip install --force-reinstall torch==${version}`,
      `Build it against another LibTorch: LIBTORCH=<folder with include/ and lib/> ${setUp(root)}`,
    ],
  };
}

/**
 * Advice about variables that make the linker look elsewhere before the folders that the addon
 * names.
 */
function otherLibraries(): string[] {
  return ['LD_LIBRARY_PATH', 'DYLD_LIBRARY_PATH']
    .filter((name) => process.env[name])
    .map((name) => `Unset ${name}, which may bring other libraries in: ${process.env[name]}`);
}

function setUp(root: string): string {
  return `npm run setup --prefix ${root}`;
}

function fromScratch(root: string): string {
  return `rm -r ${root}/build/native && ${setUp(root)}`;
}
