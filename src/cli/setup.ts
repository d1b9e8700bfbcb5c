import { type Command, Option } from 'commander';
import { cachedSetups, pruneSetups, type SetupResult, setup } from '../index.js';
import { interruptible } from './interruption.js';
import { SetupOutput } from './setupOutput.js';
import { cacheLines, prunedLines, setupLines } from './setupText.js';

interface SetupFlags {
  readonly list?: true;
  readonly prune?: true;
  readonly json?: true;
}

const HELP = `
What is fetched and built lies in $MOCO_CACHE (default: ~/.cache/moco), where every project finds it.
Commands that need it do this by themselves, unless --no-setup or MOCO_NO_SETUP=1 forbids it.`;

export function configureSetup(command: Command): void {
  command
    .addOption(new Option('--list', 'list what set-ups have put into the cache').conflicts('prune'))
    .option('--prune', 'remove from the cache what this version of moco does not need')
    .option('--json', 'print one JSON object or array, all else on standard error')
    .addHelpText('after', HELP)
    .action(act);
}

async function act({ list, prune, json }: SetupFlags): Promise<void> {
  if (list) print(cachedSetups(), json, cacheLines);
  else if (prune) print(await pruneSetups(), json, prunedLines);
  else print(await setUp(), json, setupLines);
}

async function setUp(): Promise<SetupResult> {
  let result: SetupResult | undefined;
  await interruptible(async (signal) => {
    using output = new SetupOutput();
    const onEvent = (event: Parameters<SetupOutput['show']>[0]) => {
      if (event.type !== 'start') output.show(event); // the user knows, having asked for it
    };
    result = await setup({ again: true, signal, onEvent });
  });
  return result as SetupResult;
}

function print<Result>(
  result: Result,
  json: true | undefined,
  lines: (r: Result) => string[],
): void {
  for (const line of json ? [JSON.stringify(result)] : lines(result)) console.log(line);
}
