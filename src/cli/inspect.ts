import type { Command } from 'commander';
import { inspectFile } from '../index.js';
import { interruptible } from './interruption.js';
import { prefixOption } from './modelOptions.js';
import { inspectionLines } from './modelText.js';

export function configureInspect(command: Command): void {
  command
    .argument('<file>', 'a .pth of PyTorch, safetensors, or a checkpoint of moco')
    .addOption(prefixOption())
    .option('--json', 'print one JSON object')
    .addHelpText('after', '\nA damaged file is an error that names the damaged tensors.')
    .action(async (file: string, { json, prefix }: { prefix?: string; json?: boolean }) => {
      await interruptible(async (signal) => {
        const inspection = await inspectFile(file, { prefix, signal });
        if (json) console.log(JSON.stringify(inspection, null, 2));
        else for (const line of inspectionLines(inspection)) console.log(line);
      });
    });
}
