import { join } from 'node:path';
import { root } from '../run-tool.mjs';

/** Beside the clone's own: the oldest TypeScript that lets CommonJS require ECMAScript modules. */
const OLD_TYPESCRIPT = 'typescript@5.8.3';

const ESBUILD = 'esbuild@0.28.2';
const NODE_TYPES = '@types/node@20.19.43';

/** What programs of TypeScript need beside moco. */
export const CONSUMER_PACKAGES = [OLD_TYPESCRIPT, ESBUILD, NODE_TYPES];

const USE = `
const config: moco.TrainConfigInput = { dataset: 'shapes', epochs: 3 };
const onEvent = (event: moco.TrainEvent): void => {
  if (event.type === 'step') console.log(event.loss.toFixed(2));
};
export async function run(): Promise<number> {
  await moco.setup({ onEvent: ({ type }) => console.log(type) });
  const { best } = await moco.train(config, { onEvent });
  return best?.top1 ?? 0;
}
// @ts-expect-error: a word is no number
export const wrong: moco.TrainConfigInput = { epochs: 'three' };
`;

const SOURCES = {
  'consumer.mts': `import * as moco from 'moco-node';\n${USE}`,
  'consumer.cts': `import moco = require('moco-node');\n${USE}`,
  'app.ts': `import { commands, configJsonSchema, MocoError } from 'moco-node';
const code: string = new MocoError('ERR_MOCO_DATA', 'a message').code;
console.log(code, typeof configJsonSchema(commands.train));
`,
};

const RESOLUTIONS = [
  { files: ['consumer.mts', 'consumer.cts'], options: ['--module', 'nodenext'] },
  {
    files: ['consumer.mts', 'app.ts'],
    options: ['--module', 'esnext', '--moduleResolution', 'bundler'],
  },
];

/** Compiles programs that use the package, and runs one that a bundler made. */
export function checkConsumers(project) {
  for (const [name, text] of Object.entries(SOURCES)) project.write(name, text);
  const installed = join(project.folder, 'node_modules');
  for (const modules of [installed, join(root, 'node_modules')]) {
    const tsc = join(modules, 'typescript/bin/tsc');
    for (const { files, options } of RESOLUTIONS) {
      const strict = ['--noEmit', '--strict', '--target', 'es2022', '--types', 'node'];
      project.run(process.execPath, [tsc, ...strict, ...options, ...files]);
    }
  }
  for (const [format, output] of [
    ['esm', 'app.mjs'],
    ['cjs', 'app.cjs'],
  ]) {
    const bundle = ['--bundle', '--platform=node', '--external:moco-node'];
    const made = [`--format=${format}`, `--outfile=${output}`, '--log-level=warning'];
    project.run(join(installed, '.bin/esbuild'), ['app.ts', ...bundle, ...made]);
    project.run(process.execPath, [output]);
  }
}
