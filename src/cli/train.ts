import { type Command, Option } from 'commander';
import { resolveTrainConfig, type TypedFlag, train, trainFlags } from '../index.js';
import { Interruption } from './interruption.js';
import { trainOutput } from './trainOutput.js';

interface TrainArguments {
  config?: string;
  printConfig?: boolean;
  json?: boolean;
}

export function configureTrain(command: Command): void {
  const typed: TypedFlag[] = [];
  const collect = (flag: string) => (text: string) => {
    typed.push({ flag, text });
    return text;
  };
  for (const { flag, underscoreFlag, valueName, description, defaultValue } of trainFlags()) {
    const option = new Option(`${flag} <${valueName}>`, description).argParser(collect(flag));
    command.addOption(defaultValue === undefined ? option : option.default(defaultValue));
    if (underscoreFlag === undefined) continue;
    const alias = new Option(`${underscoreFlag} <${valueName}>`).argParser(collect(underscoreFlag));
    command.addOption(alias.hideHelp());
  }
  command
    .option('--config <file>', 'take the configuration from a file (JSON, comments allowed)')
    .option('--set <key=value>', 'set one key; may be repeated', collect('--set'))
    .option('--print-config', 'print the complete configuration as JSON and stop')
    .option('--json', 'print one JSON object per event, all else on standard error')
    .addHelpText('after', '\nFlags and --set win over the file; among them, the last one wins.')
    .allowUnknownOption() // reported with everything else that is wrong
    .allowExcessArguments()
    .action(async (options: TrainArguments) => {
      const flags = [...typed, ...unknownFlags(command.args)];
      const config = await resolveTrainConfig({ file: options.config, flags });
      if (options.printConfig) {
        console.log(JSON.stringify(config, null, 2));
        return;
      }
      using interruption = new Interruption();
      using output = trainOutput(options.json ? 'json' : 'text');
      const { signal } = interruption;
      try {
        await train(config, {
          signal,
          onEvent: (event) => output.show(event),
          onDownload: (progress) => output.showDownload(progress),
        });
      } catch (error) {
        interruption.throwIfReceived();
        throw error;
      }
    });
}

/** What is left of the command line: flags that do not exist, less their values, and other words. */
function unknownFlags(words: readonly string[]): TypedFlag[] {
  const isFlag = (word: string | undefined) => word?.startsWith('-') && !word.includes('=');
  return words
    .filter((word, index) => word.startsWith('-') || !isFlag(words[index - 1]))
    .map((word) => ({ flag: word.startsWith('-') ? (word.split('=')[0] as string) : word }));
}
