import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { t as list } from 'tar';
import { platformPackageName } from '../../dist/setup/platformPackage.js';
import { pack as packPlatform, writePackage } from '../platform/package.mjs';
import { root } from '../run-tool.mjs';
import { must, run } from './run.mjs';

const LARGEST_BYTES = 1e6;

/** What users have no use for: tests, maps of sources that are not there, what clones alone need. */
const UNWANTED = /\.map$|\.sources$|(^|\/)tests?\/|\.test\.|^scripts\/|^src\/|^bench\/|_test\.cc$/;

/** Packs this clone as `npm publish` would, checks what is in it, and returns the file. */
export function packed(folder) {
  const file = join(folder, pack(root, folder));
  const { size } = statSync(file);
  must(size < LARGEST_BYTES, `${file} has ${size} bytes, at most ${LARGEST_BYTES} are wanted`);
  const names = namesIn(file);
  for (const name of [
    'dist/index.js',
    'dist/index.d.ts',
    'native/core/CMakeLists.txt',
    'LICENSE',
  ]) {
    must(names.includes(name), `${name} is not in the package`);
  }
  const unwanted = names.filter((name) => UNWANTED.test(name));
  must(unwanted.length === 0, `these have no place in the package: ${unwanted.join(', ')}`);
  lint(file);
  return file;
}

/**
 * The platform packages, as files by name: this machine's with an addon, others' empty. Undefined
 * for a machine that has none.
 */
export function packedPlatforms({ addon, libtorch }, folder) {
  const own = platformPackageName(process);
  const { optionalDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  if (!(own in optionalDependencies)) return undefined;
  const files = Object.entries(optionalDependencies).map(([name, version]) => {
    if (name === own) return [name, packPlatform(writePackage(addon, libtorch, process).folder)];
    const source = join(folder, name);
    mkdirSync(source);
    writeFileSync(join(source, 'package.json'), JSON.stringify({ name, version }));
    return [name, join(folder, pack(source, folder))];
  });
  return Object.fromEntries(files.map(([name, file]) => [name, `file:${file}`]));
}

function pack(source, folder) {
  const { stdout } = run('npm', ['pack', '--silent', source], { cwd: folder });
  return stdout.trim().split('\n').at(-1);
}

function namesIn(file) {
  const names = [];
  const onReadEntry = ({ path }) => names.push(path.replace(/^package\//, ''));
  list({ file, sync: true, onReadEntry });
  return names;
}

function lint(file) {
  const tool = (name) => join(root, 'node_modules/.bin', name);
  run(tool('publint'), ['run', '--strict', file], { cwd: root });
  // There are ECMAScript modules alone, which every Node that moco supports can require: what
  // older ones would make of them is left out.
  run(tool('attw'), ['--profile', 'esm-only', file], { cwd: root });
}
