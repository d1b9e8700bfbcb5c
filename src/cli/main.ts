import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { Command, CommanderError } from 'commander';
import type { MocoError } from '../index.js';
import { AlreadyReported } from './alreadyReported.js';
import { denied } from './denied.js';
import { HELP_LAYOUT } from './helpLayout.js';
import { Interrupted, interruptRun } from './interruption.js';

/**
 * A command that is loaded when it is used, since `moco --help` needs neither schemas nor the
 * addon.
 */
interface LazyCommand {
  readonly name: string;
  readonly summary: string;
  configure(command: Command): Promise<void>;
}

const COMMANDS: readonly LazyCommand[] = [
  {
    name: 'train',
    summary: 'train an encoder without labels and measure it after every epoch',
    configure: async (command) => (await import('./train.js')).configureTrain(command),
  },
  {
    name: 'recipes',
    summary: 'list the recipes of train: published ones and our own, with what they cost',
    configure: async (command) => (await import('./recipes.js')).configureRecipes(command),
  },
  {
    name: 'knn',
    summary: "measure a model by its features' nearest neighbours",
    configure: async (command) => (await import('./knn.js')).configureKnn(command),
  },
  {
    name: 'linear',
    summary: 'measure a model by a linear classifier on its features',
    configure: async (command) => (await import('./linear.js')).configureLinear(command),
  },
  {
    name: 'data',
    summary: 'pack folders of pictures into one file, tell what is in them, check such a file',
    configure: async (command) => (await import('./data.js')).configureData(command),
  },
  {
    name: 'neighbours',
    summary: 'write a page of pictures with those that a model takes for alike',
    configure: async (command) => (await import('./neighbours.js')).configureNeighbours(command),
  },
  {
    name: 'embed',
    summary: 'write the features of pictures into a file: safetensors, npy, csv, parquet',
    configure: async (command) => (await import('./embed.js')).configureEmbed(command),
  },
  {
    name: 'serve',
    summary: 'answer requests over HTTP: pictures in, features or similar pictures out',
    configure: async (command) => (await import('./serve.js')).configureServe(command),
  },
  {
    name: 'search',
    summary: 'find the pictures of an index that are most similar to others',
    configure: async (command) => (await import('./search.js')).configureSearch(command),
  },
  {
    name: 'duplicates',
    summary: 'find the pictures of an index that are nearly the same',
    configure: async (command) => (await import('./duplicates.js')).configureDuplicates(command),
  },
  {
    name: 'inspect',
    summary: 'tell what a model file or checkpoint holds, and whether it is intact',
    configure: async (command) => (await import('./inspect.js')).configureInspect(command),
  },
  {
    name: 'convert',
    summary: 'write a model in another format: .pth or .safetensors',
    configure: async (command) => (await import('./convert.js')).configureConvert(command),
  },
  {
    name: 'export',
    summary: 'write a model for others: ONNX, TorchScript, or its weights, with what it sees',
    configure: async (command) => (await import('./export.js')).configureExport(command),
  },
  {
    name: 'bench',
    summary: 'measure this machine: training step, augmentation, extraction, kNN',
    configure: async (command) => (await import('./bench.js')).configureBench(command),
  },
  {
    name: 'doctor',
    summary: 'examine this machine: what moco needs, and what to do where it is missing',
    configure: async (command) => (await import('./doctor.js')).configureDoctor(command),
  },
  {
    name: 'setup',
    summary: 'fetch LibTorch and take or build the addon, once; list and prune what is there',
    configure: async (command) => (await import('./setup.js')).configureSetup(command),
  },
  {
    name: 'config',
    summary: 'print or write what a configuration file can hold',
    configure: async (command) => (await import('./config.js')).configureConfig(command),
  },
];

const EXIT_CODES = `
Exit codes: 0 done, 1 failed, 2 wrong arguments or configuration, 128 + n ended by signal n
(130 Ctrl-C, 141 nobody reads the output). MOCO_DEBUG=1 shows where an error comes from.`;

const DEFECT = 'This is a defect of moco. MOCO_DEBUG=1 shows where it is.';

/** Taken from the package's own file, which is public and loads nothing else. */
const { version } = createRequire(import.meta.url)('moco-node/package.json');

/** By the error of an output that nobody sees any more: the signal that stands for it. */
const UNSEEN: Readonly<Record<string, 'SIGPIPE' | 'SIGHUP'>> = { EPIPE: 'SIGPIPE', EIO: 'SIGHUP' };

/**
 * The command line.
 * @param argv the arguments, without `node` and the script
 * @returns the exit code
 */
export async function main(argv: readonly string[]): Promise<number> {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', endWithoutOutput);
  try {
    const program = await commandLine(argv);
    await program.parseAsync(argv, { from: 'user' });
    return 0;
  } catch (error) {
    return await report(error);
  }
}

async function commandLine(argv: readonly string[]): Promise<Command> {
  const program = new Command('moco')
    .description('Momentum Contrast: trains image encoders without labels.')
    .version(version)
    .configureHelp(HELP_LAYOUT)
    .exitOverride()
    .showHelpAfterError('(moco --help shows what there is)')
    .addHelpText('after', EXIT_CODES);
  for (const { name, summary, configure } of COMMANDS) {
    const command = program.command(name).description(summary);
    if (argv.includes(name)) await configure(command);
  }
  return program;
}

/** Prints an error, unless it was printed already. */
async function report(error: unknown): Promise<number> {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof AlreadyReported) return error.exitCode;
  if (error instanceof Interrupted) return reportInterruption(error);
  const { MocoError } = await import('../index.js');
  const isOurs = error instanceof MocoError;
  const { message, hint } = isOurs
    ? { message: withCode(error), hint: error.hint }
    : (denied(error) ?? { message: messageOf(error), hint: DEFECT });
  console.error(`error: ${printable(message)}`);
  if (hint !== undefined) console.error(`hint: ${printable(hint)}`);
  if (process.env.MOCO_DEBUG) console.error(error);
  return isOurs && error.code === 'ERR_MOCO_CONFIG' ? 2 : 1;
}

/** Prints how far an interrupted run came and how to go on, where the run has said that. */
async function reportInterruption({ reason, exitCode, cause }: Interrupted): Promise<number> {
  const { MocoError } = await import('../index.js');
  if (cause instanceof MocoError && cause.code === 'ERR_MOCO_ABORTED') {
    if (reason === 'SIGPIPE') return exitCode; // whoever ends a pipe has seen enough
    console.error(cause.message);
    if (cause.hint !== undefined) console.error(cause.hint);
  } else {
    await report(cause);
  }
  return exitCode;
}

/** The message, with the code at the end of its first line. */
function withCode({ code, message }: MocoError): string {
  return message.replace(/$/m, () => ` [${code}]`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Makes text harmless: names in it may hold characters that a terminal takes as commands. */
function printable(text: string): string {
  return text.replace(/[^\P{Cc}\n\t]/gu, '\ufffd');
}

/**
 * Ends what runs, since nobody would see its output: a run with its checkpoint, all else at once. A
 * terminal that is gone is a hangup, whether or not the signal comes, too.
 */
function endWithoutOutput(error: NodeJS.ErrnoException): void {
  const signal = UNSEEN[error.code ?? ''];
  if (signal === undefined) endWithoutRoom(error);
  else if (!interruptRun(signal)) process.exit(128 + constants.signals[signal]);
}

let isWithoutRoom = false;

/** Ends what runs where its output cannot be written, such as to a full disk. */
function endWithoutRoom(error: NodeJS.ErrnoException): void {
  if (isWithoutRoom) return; // each line that follows fails, too
  isWithoutRoom = true;
  const message = `error: cannot write the output: ${error.message} [ERR_MOCO_OUTPUT]`;
  process.stderr.write(`${message}\n`, () => {
    if (!interruptRun('output')) process.exit(1);
  });
}
