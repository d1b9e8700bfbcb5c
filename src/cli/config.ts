import type { Command } from 'commander';
import { trainConfigJsonSchema, trainConfigTemplate, writeTrainConfigTemplate } from '../index.js';

export function configureConfig(config: Command): void {
  config
    .command('schema')
    .description('print the JSON Schema of a configuration file, for editors')
    .action(() => {
      console.log(JSON.stringify(trainConfigJsonSchema(), null, 2));
    });
  config
    .command('init')
    .description('write a commented configuration file with every default')
    .argument('[path]', 'where to write it; printed if left out')
    .option('--force', 'replace the file if there is one')
    .action(async (path: string | undefined, options: { force?: boolean }) => {
      if (path === undefined) {
        process.stdout.write(trainConfigTemplate());
      } else {
        await writeTrainConfigTemplate(path, options);
        console.log(`wrote ${path}; use it with: moco train --config ${path}`);
      }
    });
}
