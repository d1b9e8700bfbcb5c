import type { Command } from 'commander';
import { commands, doctor } from '../index.js';
import { AlreadyReported } from './alreadyReported.js';
import { configured } from './configOptions.js';
import { findingLines, verdict } from './doctorText.js';
import { interruptible } from './interruption.js';

const HELP = `
Exit code: 0 where moco works, 1 where something is bad.`;

export function configureDoctor(command: Command): void {
  command.addHelpText('after', HELP);
  configured(command, commands.doctor, 'print one JSON object', (config, { json }) =>
    interruptible(async (signal) => {
      const report = await doctor(config, {
        signal,
        onFinding: (finding) => {
          if (!json) for (const line of findingLines(finding)) console.log(line);
        },
      });
      console.log(json ? JSON.stringify(report) : verdict(report));
      if (!report.healthy) throw new AlreadyReported();
    }),
  );
}
