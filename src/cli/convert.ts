import type { Command } from 'commander';
import { convertModel } from '../index.js';
import { conversionLines } from './modelText.js';

export function configureConvert(command: Command): void {
  command
    .argument('<in>', 'a .pth of PyTorch, safetensors, or a checkpoint of moco')
    .argument('<out>', 'where to write it; the ending tells the format: .pth or .safetensors')
    .option('--force', 'replace the output if there is one')
    .action(async (input: string, output: string, options: { force?: boolean }) => {
      for (const line of conversionLines(await convertModel(input, output, options))) {
        console.log(line);
      }
    });
}
