import { Argument, type Command, Option } from 'commander';
import {
  type CommandName,
  commands,
  configJsonSchema,
  configTemplate,
  writeConfigTemplate,
} from '../index.js';

interface InitOptions {
  readonly command: CommandName;
  readonly force?: boolean;
}

const NAMES = Object.keys(commands);

export function configureConfig(config: Command): void {
  config
    .command('schema')
    .description('print the JSON Schema of a configuration file, for editors')
    .addArgument(new Argument('[command]', 'whose configuration').choices(NAMES).default('train'))
    .action((name: CommandName) => {
      console.log(JSON.stringify(configJsonSchema(commands[name]), null, 2));
    });
  config
    .command('init')
    .description('write a commented configuration file with every default')
    .argument('[path]', 'where to write it; printed if left out')
    .addOption(
      new Option('--command <command>', 'whose configuration').choices(NAMES).default('train'),
    )
    .option('--force', 'replace the file if there is one')
    .action(async (path: string | undefined, { command: name, force }: InitOptions) => {
      if (path === undefined) {
        process.stdout.write(configTemplate(commands[name]));
      } else {
        await writeConfigTemplate(commands[name], path, { force });
        console.log(`wrote ${path}; use it with: moco ${name} --config ${path}`);
      }
    });
}
