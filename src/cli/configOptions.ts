import { type Command, Option } from 'commander';
import type { z } from 'zod';
import {
  type CommandConfig,
  type ConfigFlag,
  configFlags,
  givenConfig,
  resolveConfig,
  type TypedFlag,
} from '../index.js';

/** What every command with a configuration takes beside its keys. */
export interface ConfigOptions {
  readonly config?: string;
  readonly printConfig?: boolean;
  readonly json?: boolean;
}

/**
 * Lets a command take its configuration from flags and a file, and act on it.
 * @param json what `--json` does, for the help
 * @param act gets the complete configuration, and what was given of it
 * @param base gives the configuration that stands in place of the defaults, if there is one
 */
export function configured<Schema extends z.ZodObject, Options extends ConfigOptions>(
  command: Command,
  config: CommandConfig<Schema>,
  json: string,
  act: (config: z.output<Schema>, options: Options, given: z.input<Schema>) => Promise<void>,
  base: (options: Options) => Promise<object> | undefined = () => undefined,
): void {
  const typed: TypedFlag[] = [];
  const collect = (flag: string) => (text: string) => {
    typed.push({ flag, text });
    return text;
  };
  for (const flag of configFlags(config)) addFlag(command, flag, collect);
  command
    .option('--config <file>', 'take the configuration from a file (JSON, comments allowed)')
    .option('--set <key=value>', 'set one key; may be repeated', collect('--set'))
    .option('--print-config', 'print the complete configuration as JSON and stop')
    .option('--json', json)
    .addHelpText('after', '\nFlags and --set win over the file; among them, the last one wins.')
    .allowUnknownOption() // they are reported together with everything else that is wrong
    .allowExcessArguments()
    .action(async (options: Options) => {
      const flags = [...typed, ...untypedFlags(command.args, config.operands)];
      const sources = { base: await base(options), file: options.config, flags };
      const resolved = await resolveConfig(config, sources);
      if (options.printConfig) console.log(JSON.stringify(resolved, null, 2));
      else await act(resolved, options, await givenConfig(config, sources));
    });
}

function addFlag(
  command: Command,
  { flag, underscoreFlag, valueName, meaning, description, defaultValue }: ConfigFlag,
  collect: (flag: string) => (text: string) => string,
): void {
  const option = (spelling: string) => {
    const words = valueName === undefined ? spelling : `${spelling} <${valueName}>`;
    return new Option(words, description).preset(meaning).argParser(collect(spelling));
  };
  // The help shows a list in the form in which it is typed.
  const typed = valueName === 'json' ? JSON.stringify(defaultValue) : String(defaultValue);
  const shown = Array.isArray(defaultValue) ? typed : undefined;
  command.addOption(
    defaultValue === undefined ? option(flag) : option(flag).default(defaultValue, shown),
  );
  if (underscoreFlag !== undefined) command.addOption(option(underscoreFlag).hideHelp());
}

/**
 * What commander left of the command line: flags that do not exist, and words that are no flags.
 * @param operands the key that such words set
 */
function untypedFlags(words: readonly string[], operands: string | undefined): TypedFlag[] {
  const isFlag = (word: string | undefined) => word?.startsWith('-') && !word.includes('=');
  const isOperand = (word: string) => operands !== undefined && !word.startsWith('-');
  return words
    .filter((word, index) => word.startsWith('-') || !isFlag(words[index - 1]))
    .map((word) => {
      if (isOperand(word)) return { flag: `--${operands}`, text: word };
      return { flag: word.startsWith('-') ? (word.split('=')[0] as string) : word };
    });
}
