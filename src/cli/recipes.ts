import type { Command } from 'commander';
import { recipe, recipes } from '../index.js';
import { recipeLines, recipeTable } from './recipesText.js';

interface OutputOptions {
  readonly json?: true;
}

export function configureRecipes(command: Command): void {
  const json = 'print JSON';
  command.option('--json', json).action(({ json }: OutputOptions) => {
    const all = recipes();
    if (json) console.log(JSON.stringify(all, null, 2));
    else for (const line of recipeTable(all)) console.log(line);
  });
  command
    .command('show')
    .description('print one recipe: where it is from, what it costs, and its settings')
    .argument('<name>', 'of the recipe')
    .option('--json', json)
    .action((name: string, _: OutputOptions, show: Command) => {
      const shown = recipe(name);
      if (show.optsWithGlobals<OutputOptions>().json) console.log(JSON.stringify(shown, null, 2));
      else for (const line of recipeLines(shown)) console.log(line);
    });
}
