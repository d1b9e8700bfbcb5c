import { Command, CommanderError } from 'commander';
import { version } from '../version.js';
import { Interrupted } from './interruption.js';

/** A command is loaded when it is used: `moco --help` needs neither schemas nor native code. */
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
    name: 'config',
    summary: 'print or write what a configuration file can hold',
    configure: async (command) => (await import('./config.js')).configureConfig(command),
  },
];

const EXIT_CODES = `
Exit codes: 0 done, 1 failed, 2 wrong arguments or configuration, 128 + n ended by signal n
(130 Ctrl-C, 141 nobody reads the output). MOCO_DEBUG=1 shows where an error comes from.`;

/** Where a process ends that writes to a pipe that nobody reads: 128 + SIGPIPE. */
const BROKEN_PIPE = 141;

/**
 * The command line.
 * @param argv the arguments, without `node` and the script
 * @returns the exit code
 */
export async function main(argv: readonly string[]): Promise<number> {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', endWithoutReader);
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
  if (error instanceof Interrupted) return error.exitCode;
  const { MocoError } = await import('../index.js');
  const isOurs = error instanceof MocoError;
  console.error(`error: ${error instanceof Error ? error.message : String(error)}`);
  if (isOurs && error.hint !== undefined) console.error(`hint: ${error.hint}`);
  if (!isOurs) console.error('hint: This is a defect of moco. MOCO_DEBUG=1 shows where it is.');
  if (process.env.MOCO_DEBUG) console.error(error);
  return isOurs && error.code === 'ERR_MOCO_CONFIG' ? 2 : 1;
}

function endWithoutReader(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
  process.exit(BROKEN_PIPE);
}
