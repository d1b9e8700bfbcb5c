// Trains the run of a configuration file at several temperatures, and compares what they are worth. The
// file is checked as `moco train --config` checks it: an error names the key, the line and the column.
//
//   node examples/sweep.mjs [configuration.json [temperature …]]
import { commands, MocoError, resolveConfig, train } from 'moco-node';

const [file = 'examples/shapes.json', ...words] = process.argv.slice(2);
const temperatures = words.length > 0 ? words : ['0.07', '0.1', '0.2'];

async function runAt(temperature) {
  const flags = [{ flag: '--temperature', text: temperature }];
  const config = await resolveConfig(commands.train, { file, flags });
  const { best, files } = await train(config);
  console.log(`trained at temperature ${temperature}: ${files.model}`);
  return { temperature, 'kNN top-1': best.top1, 'kNN top-5': best.top5, epoch: best.epoch };
}

try {
  const rows = [];
  for (const temperature of temperatures) rows.push(await runAt(temperature));
  console.table(rows);
} catch (error) {
  if (!(error instanceof MocoError)) throw error; // a defect
  console.error(error.message);
  process.exitCode = 1;
}
