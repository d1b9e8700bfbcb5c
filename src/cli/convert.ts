import { type Command, Option } from 'commander';
import { type ConvertOptions, convertModel, MODEL_NAMES } from '../index.js';
import { prefixOption } from './modelOptions.js';
import { conversionLines } from './modelText.js';
import { noSetupOption, type SetUpOptions, withAddon } from './setUpFirst.js';

export function configureConvert(command: Command): void {
  const names = "what a ResNet's tensors are called in the output (default: reference)";
  command
    .argument('<in>', 'a .pth of PyTorch, safetensors, or a checkpoint of moco')
    .argument('<out>', 'where to write it; the ending tells the format: .pth or .safetensors')
    .addOption(prefixOption())
    .addOption(new Option('--names <names>', names).choices(MODEL_NAMES))
    .option('--force', 'replace the output if there is one')
    .addOption(noSetupOption())
    .action(async (input: string, output: string, flags: ConvertOptions & SetUpOptions) => {
      const { setup: _, ...options } = flags;
      await withAddon(flags, async (signal) => {
        const conversion = await convertModel(input, output, { ...options, signal });
        for (const line of conversionLines(conversion)) console.log(line);
      });
    });
}
