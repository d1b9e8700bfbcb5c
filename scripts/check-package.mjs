// Installs the package, as `npm publish` would publish it, into empty projects elsewhere, and uses it
// there: without and with a platform package, with every Node, compiler and package manager that is
// supported. Compiles the addon once, which takes about four minutes.
//
//   npm run check:package
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, delimiter, join } from 'node:path';
import { cacheFolder } from '../dist/native/cacheFolder.js';
import { LIBTORCH_ENTRY } from '../dist/setup/libtorchCache.js';
import { CONSUMER_PACKAGES, checkConsumers } from './check-package/consumers.mjs';
import { checkManagers } from './check-package/managers.mjs';
import { nodeFolders } from './check-package/nodes.mjs';
import { Project } from './check-package/project.mjs';
import { must, run } from './check-package/run.mjs';
import { packed, packedPlatforms } from './check-package/tarball.mjs';
import { train, useAll } from './check-package/use.mjs';

const started = performance.now();
const workspace = mkdtempSync(join(tmpdir(), 'moco-package-'));

function say(text) {
  const seconds = Math.round((performance.now() - started) / 1000);
  process.stderr.write(`check:package: ${text} (${seconds} s)\n`);
}

/** A cache with the LibTorch of another one, and no addon. A set-up fetches what is not there. */
function newCache(name, other) {
  const cache = join(workspace, 'caches', name);
  mkdirSync(cache, { recursive: true });
  const there = existsSync(other) ? readdirSync(other) : [];
  const entries = there.filter((entry) => entry.startsWith(LIBTORCH_ENTRY));
  for (const entry of entries) symlinkSync(join(other, entry), join(cache, entry));
  return cache;
}

/** For commands in a project: nothing of the npm that runs this, and of moco's settings only mirrors. */
function environment(cache, path) {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(npm_|MOCO_(?!LIBTORCH_)|INIT_CWD)/.test(name),
  );
  return { ...Object.fromEntries(kept), MOCO_CACHE: cache, PATH: path };
}

/** Without a platform package, a command that needs the addon compiles it. Returns what was set up. */
function checkWithout(tarball, node) {
  const cache = newCache('without', cacheFolder(process));
  const path = [node, process.env.PATH].join(delimiter);
  const project = new Project(join(workspace, 'Übung без пакета'), environment(cache, path));
  project.install(['--omit=optional', tarball]);
  const { stderr: refusal } = train(project, 'refused', ['--no-setup'], { exitCode: 1 });
  const isClear = /ERR_MOCO_NATIVE_MISSING.*npx moco setup/s.test(refusal);
  must(isClear, `with --no-setup, a command ends with:\n${refusal}`);
  const { stderr } = train(project, 'compiling');
  must(stderr.includes('addon: compiling'), `nothing was compiled:\n${stderr}`);
  say('without a platform package, a command compiles the addon');
  useAll(project, 'compiled');
  project.mustBeUntouched();
  return project.json(['setup'])[0];
}

/** With a platform package, no compiler, CMake or make is needed. */
function checkWith(tarball, platforms, nodes) {
  const empty = (name, node) =>
    environment(newCache(name, join(workspace, 'caches/without')), node);
  const project = new Project(
    join(workspace, 'Übung с пакетом'),
    empty('with', nodes[0]),
    platforms,
  );
  project.install([tarball, ...CONSUMER_PACKAGES]);
  const { stderr } = project.moco(['setup']);
  must(stderr.includes('addon: taken from '), `no platform package was taken:\n${stderr}`);
  for (const node of nodes) {
    useAll(project, basename(node), { env: { ...project.env, PATH: node } });
    say(`with a platform package, everything works in Node ${basename(node)}`);
  }
  checkConsumers(project);
  say('TypeScript and a bundler are content');
  project.mustBeUntouched();
  const packages = { 'moco-node': `file:${tarball}`, ...platforms };
  checkManagers(join(workspace, 'trees'), packages, (name) => empty(name, nodes[0]), say);
}

try {
  const tarball = packed(workspace);
  say('publint and attw are content with the package');
  const nodes = nodeFolders(join(workspace, 'nodes'));
  const platforms = packedPlatforms(checkWithout(tarball, nodes[0]), workspace);
  if (platforms) checkWith(tarball, platforms, nodes);
  else say(`no platform package was tried: there is none for ${process.platform}`);
} finally {
  run('chmod', ['-R', 'u+w', workspace], { cwd: workspace }); // some folders are read-only
  rmSync(workspace, { recursive: true, force: true });
}
