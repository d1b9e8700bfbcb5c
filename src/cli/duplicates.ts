import cliProgress from 'cli-progress';
import type { Command } from 'commander';
import { commands, type DuplicateProgress, findDuplicates } from '../index.js';
import { type ConfigOptions, configured } from './configOptions.js';
import { duplicatesReport } from './searchText.js';
import { noSetupOption, type SetUpOptions, withAddon } from './setUpFirst.js';

export function configureDuplicates(command: Command): void {
  command.addOption(noSetupOption());
  const json = 'print the result as one JSON object, all else on standard error';
  configured(command, commands.duplicates, json, (config, options: ConfigOptions & SetUpOptions) =>
    withAddon(options, async (signal) => {
      using bar = new ComparisonBar();
      const onProgress = (progress: DuplicateProgress) => bar.show(progress);
      const result = await findDuplicates(config, { signal, onProgress });
      bar[Symbol.dispose]();
      const lines = options.json ? [JSON.stringify(result)] : duplicatesReport(result);
      for (const line of lines) console.log(line);
    }),
  );
}

/** Shows on a terminal what share of all pairs has been compared. */
class ComparisonBar implements Disposable {
  readonly #bar = new cliProgress.SingleBar(
    { format: 'comparing {bar} {percentage} %, {eta_formatted} left', linewrap: true },
    cliProgress.Presets.shades_classic,
  );
  #hasBegun = false;

  show({ compared, pairs }: DuplicateProgress): void {
    if (!process.stderr.isTTY) return;
    if (!this.#hasBegun) this.#bar.start(pairs, 0);
    this.#hasBegun = true;
    this.#bar.update(compared);
  }

  /** Leaves the bar as it stands. Can be called more than once. */
  [Symbol.dispose](): void {
    this.#bar.stop();
  }
}
