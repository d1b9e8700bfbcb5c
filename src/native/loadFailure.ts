import { join } from 'node:path';
import { MocoError, type MocoErrorCode, numbered } from '../error.js';
import { isClone } from '../packageRoot.js';
import { ADDON, type BuildRecord } from './buildRecord.js';
import { describe, minorVersion } from './libtorchPrefix.js';
import { CLONE_BUILD, type LoadableAddon } from './setUpRecord.js';

interface Machine {
  readonly platform: string;
  readonly arch: string;
}

/** The command that sets up the package in a folder. */
export function setUpCommand(root: string): string {
  return isClone(root) ? `npm run setup --prefix ${root}` : 'npx moco setup';
}

/** The command that makes the addon anew; of a published package, `setup` tries the one that is there. */
export function fromScratchCommand(root: string): string {
  const clone = `rm -r ${join(root, CLONE_BUILD)} && ${setUpCommand(root)}`;
  return isClone(root) ? clone : setUpCommand(root);
}

/**
 * The error for a package that was not set up, or whose set-up did not end, or of whose addon a file
 * is gone.
 */
export function addonMissing(root: string, file?: string): MocoError {
  const reason =
    file === undefined ? 'it was not set up yet' : `there is no complete build in ${file}`;
  return new MocoError('ERR_MOCO_NATIVE_MISSING', `The native addon is not there: ${reason}.`, {
    hint: isClone(root)
      ? `Build it, which needs a few minutes: ${setUpCommand(root)}`
      : `Set it up: ${setUpCommand(root)} (in a program: await setup())`,
  });
}

/** The error for a package that was copied from, or is shared with, another kind of machine. */
export function builtForAnotherMachine(
  root: string,
  record: BuildRecord,
  machine: Machine,
): MocoError {
  return new MocoError(
    'ERR_MOCO_NATIVE_MISSING',
    `The native addon of ${root} was built for ${record.platform}-${record.arch}, and this is ` +
      `Node ${process.versions.node} for ${machine.platform}-${machine.arch}.`,
    {
      hint: numbered([
        `Set it up here: ${setUpCommand(root)}`,
        `Or run it with a Node for ${record.platform}-${record.arch}.`,
      ]),
    },
  );
}

/** A folder where a LibTorch was to be, and what is wrong with it. */
export interface UnusableLibtorch {
  readonly prefix: string;
  readonly problem: string;
  /** Whether `$LIBTORCH` names it. */
  readonly isChosen: boolean;
}

/** The error for an addon without a LibTorch that it can run with. */
export function libtorchUnusable(
  root: string,
  record: BuildRecord,
  { prefix, problem, isChosen }: UnusableLibtorch,
): MocoError {
  const minor = minorVersion(record.libtorch.version);
  const place = isChosen ? `$LIBTORCH, ${prefix},` : prefix;
  return new MocoError(
    'ERR_MOCO_LIBTORCH_MISMATCH',
    `The native addon needs LibTorch ${minor}, and cannot use the one in ${place}: ${problem}.`,
    {
      hint: numbered([
        `Set it up with the LibTorch that is here now: ${setUpCommand(root)}`,
        isChosen
          ? 'Or unset LIBTORCH.'
          : `Or put a LibTorch ${minor} back there, or set LIBTORCH to the folder of one.`,
      ]),
    },
  );
}

interface Explanation {
  readonly code: MocoErrorCode;
  readonly reason: string;
  readonly solutions: readonly string[];
  /** Whether an addon that is built anew, on this machine, may do. */
  readonly anotherMayDo?: true;
}

/** An addon that is there could not be loaded. */
export class LoadFailure extends MocoError {
  readonly reason: string;
  /** Whether an addon that is built anew, on this machine, may do. */
  readonly anotherMayDo: boolean;

  constructor(
    { code, reason, solutions, anotherMayDo }: Explanation,
    details: string,
    cause: Error,
  ) {
    super(code, `The native addon cannot be loaded: ${reason}.${details}`, {
      hint: numbered(solutions),
      cause,
    });
    this.reason = reason;
    this.anotherMayDo = anotherMayDo === true;
  }
}

const TOO_MANY_FILES: Explanation = {
  code: 'ERR_MOCO_LIMIT',
  reason: 'too many files are open',
  solutions: ['Raise the limit (`ulimit -n`), or close files that are not needed.'],
};

/** What the dynamic linker may say, and what it means; the first pattern that matches is taken. */
const CASES: {
  readonly pattern: RegExp;
  explain(match: RegExpMatchArray, root: string, found: LoadableAddon): Explanation;
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
    explain: (match, root, found) => missingLibrary(match[1] ?? match[2] ?? '', root, found),
  },
  {
    pattern: /undefined symbol: (\S+)|symbol not found.*?'(\S+)'/i,
    explain: (match, root, { libtorch }) => ({
      code: 'ERR_MOCO_LIBTORCH_MISMATCH',
      reason: `${describe(libtorch)} in ${libtorch.prefix} does not have the symbol ${match[1] ?? match[2]}`,
      anotherMayDo: true,
      solutions: [
        ...otherLibraries(),
        `Build it again, against the LibTorch that is here now: ${fromScratchCommand(root)}`,
      ],
    }),
  },
  {
    pattern: /version [`'](GLIBC\S*)' not found/,
    explain: (match, root) => ({
      code: 'ERR_MOCO_NATIVE_MISSING',
      reason: `it was built on a newer system: this one's C and C++ libraries lack ${match[1]}`,
      anotherMayDo: true,
      solutions: [...otherLibraries(), `Build it here: ${fromScratchCommand(root)}`],
    }),
  },
  {
    pattern: /invalid ELF header|wrong ELF class|file too short|incompatible architecture|mach-o/i,
    explain: (match, root, found) => damaged(match.input ?? '', root, found),
  },
];

/** The error for an addon that is there, but that Node could not load. */
export function cannotBeLoaded(root: string, found: LoadableAddon, error: Error): LoadFailure {
  const { folder, libtorch, record } = found;
  const details =
    `\nTried ${join(folder, ADDON)}, built against ${describe(record.libtorch)}, with ` +
    `${describe(libtorch)} in ${libtorch.prefix}, ` +
    `in Node ${process.versions.node} for ${process.platform}-${process.arch}.\n` +
    `The system said: ${error.message}`;
  return new LoadFailure(explain(error.message, root, found), details, error);
}

/** The error for a file of the addon or of LibTorch that cannot be read; others stay as they are. */
export function notReadable(root: string, error: NodeJS.ErrnoException): Error {
  if (error.code === 'EMFILE' || error.code === 'ENFILE') {
    return new LoadFailure(TOO_MANY_FILES, '', error);
  }
  if (error.code !== 'ERR_ACCESS_DENIED') return error;
  const { resource } = error as { resource?: string };
  const explanation: Explanation = {
    code: 'ERR_MOCO_NATIVE_MISSING',
    reason: `Node's permission model does not let this process read ${resource}`,
    solutions: [
      `Give Node --allow-addons, --allow-fs-read=${root} and --allow-fs-read=${resource}.`,
    ],
  };
  return new LoadFailure(explanation, '', error);
}

function explain(message: string, root: string, found: LoadableAddon): Explanation {
  for (const { pattern, explain } of CASES) {
    const match = message.match(pattern);
    if (match) return explain(match, root, found);
  }
  return {
    code: 'ERR_MOCO_NATIVE_MISSING',
    reason: 'for a reason that moco does not know',
    anotherMayDo: true,
    solutions: [`Build it again: ${fromScratchCommand(root)}`],
  };
}

/** A file that is none of this machine's, of LibTorch or of the addon. */
function damaged(message: string, root: string, { libtorch }: LoadableAddon): Explanation {
  const what = `damaged or not for ${process.platform}-${process.arch}`;
  const { prefix } = libtorch;
  if (message.includes(prefix)) {
    return {
      code: 'ERR_MOCO_LIBTORCH_MISMATCH',
      reason: `${describe(libtorch)} in ${prefix} is ${what}`,
      solutions: [`Install it again, or delete ${prefix} and set moco up: ${setUpCommand(root)}`],
    };
  }
  return {
    code: 'ERR_MOCO_NATIVE_MISSING',
    reason: `it is ${what}`,
    anotherMayDo: true,
    solutions: [`Build it again: ${fromScratchCommand(root)}`],
  };
}

function missingLibrary(library: string, root: string, { libtorch }: LoadableAddon): Explanation {
  const { prefix, version } = libtorch;
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
      `Set it up with another LibTorch: LIBTORCH=<folder with include/ and lib/> ${setUpCommand(root)}`,
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
