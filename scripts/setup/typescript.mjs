import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SetupFailure } from './failure.mjs';
import { run, say } from './run.mjs';

const SOURCES = {
  name: 'TypeScript',
  project: 'tsconfig.json',
  folder: 'src',
  output: 'dist',
  inputs: ['tsconfig.json', 'node_modules/typescript/package.json'],
};

const TESTS = {
  name: 'tests',
  project: 'test/tsconfig.json',
  folder: 'test',
  output: 'build/test',
  // Tests are checked against the types of what they test.
  inputs: ['tsconfig.json', 'test/tsconfig.json', 'dist/.sources'],
};

/** Compiles src/ into dist/ where it has changed. */
export async function compileSources(root) {
  await compile(root, SOURCES);
}

/** Compiles test/ into build/test/ where it or src/ has changed. */
export async function compileTests(root) {
  await compile(root, TESTS);
}

async function compile(root, { name, project, folder, output, inputs }) {
  const stamp = join(root, output, '.sources');
  const sources = filesBelow(join(root, folder)).filter((file) => /\.(ts|js)$/.test(file));
  const files = [...inputs, ...sources.map((file) => `${folder}/${file}`)];
  const current = fingerprint(root, files);
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === current) return;
  say(`${name}: compiling`);
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const exitCode = await run(process.execPath, [tsc, '-p', project], root);
  if (exitCode !== 0) {
    throw new SetupFailure(`${folder}/ does not compile; see above.`, 'Correct what tsc names.');
  }
  removeOrphans(join(root, output), new Set(sources));
  writeFileSync(stamp, current);
}

/** Removes the output of sources that were deleted or renamed: such a test would still run. */
function removeOrphans(output, sources) {
  for (const file of filesBelow(output)) {
    const match = file.match(/^(.*?)(\.js|\.d\.ts)(\.map)?$/);
    if (match && !sources.has(`${match[1]}.ts`) && !sources.has(`${match[1]}.js`)) {
      rmSync(join(output, file));
    }
  }
}

function filesBelow(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

function fingerprint(root, files) {
  const hash = createHash('sha256');
  for (const file of files) hash.update(`${file}\0`).update(readFileSync(join(root, file)));
  return hash.digest('hex');
}
