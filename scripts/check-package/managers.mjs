import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { must, run } from './run.mjs';

/** The package managers beside npm, by the file that runs them. */
const TOOLS = {
  pnpm: { requirement: 'pnpm@12.21.0', file: 'pnpm/bin/pnpm.mjs' },
  yarn1: { requirement: 'yarn@1.22.22', file: 'yarn/bin/yarn.js' },
  yarn4: { requirement: '@yarnpkg/cli-dist@4.18.1', file: '@yarnpkg/cli-dist/bin/yarn.js' },
};

const MOCO = 'node_modules/moco-node/bin/moco.js';

/** For each tree of packages: the project's files, what installs them, and what runs moco then. */
const TREES = {
  'npm, isolated': ({ dependencies, overrides }) => ({
    files: { 'package.json': { dependencies, overrides } },
    install: ['npm', 'install', '--install-strategy=linked'],
  }),
  'npm, workspaces': ({ dependencies, overrides }) => ({
    files: {
      'package.json': { workspaces: ['packages/*'], overrides },
      'packages/one/package.json': { name: 'one', dependencies },
    },
    install: ['npm', 'install'],
  }),
  pnpm: ({ dependencies, overrides, store }) => ({
    // JSON is YAML, too.
    files: {
      'package.json': { dependencies },
      'pnpm-workspace.yaml': { overrides, storeDir: store },
    },
    install: ['pnpm', 'install'],
  }),
  'yarn 1': ({ dependencies, overrides, store }) => ({
    files: { 'package.json': { dependencies, resolutions: overrides } },
    install: ['yarn1', 'install', '--cache-folder', store],
  }),
  'yarn 4, node-modules': (request) => yarn4(request, 'node-modules'),
  'yarn 4, pnpm': (request) => yarn4(request, 'pnpm'),
  "yarn 4, Plug'n'Play": (request) => ({ ...yarn4(request, 'pnp'), moco: ['yarn4', 'moco'] }),
};

function yarn4({ dependencies, overrides, store }, nodeLinker) {
  const settings = { nodeLinker, globalFolder: store, enableImmutableInstalls: false };
  return {
    files: {
      'package.json': { dependencies, resolutions: overrides },
      '.yarnrc.yml': { ...settings, enableTelemetry: false },
      'yarn.lock': '',
    },
    install: ['yarn4', 'install'],
  };
}

/**
 * Installs the package with every package manager, and sets it up from the platform package that it
 * finds in what they made.
 * @param packages files of all packages that are not published yet, by name
 * @param newEnvironment makes an environment without compilers and with an empty cache
 * @param say is told of each
 */
export function checkManagers(folder, packages, newEnvironment, say) {
  const tools = installTools(folder);
  const { 'moco-node': moco, ...overrides } = packages;
  const dependencies = { 'moco-node': moco };
  for (const [name, tree] of Object.entries(TREES)) {
    const project = join(folder, name);
    const {
      files,
      install,
      moco: start = ['node', MOCO],
    } = tree({
      ...{ dependencies, overrides, store: join(project, 'store') },
    });
    for (const [file, content] of Object.entries(files)) write(join(project, file), content);
    runTool(tools, install, { cwd: project });
    const options = { cwd: project, env: newEnvironment(name) };
    const { stderr } = runTool(tools, [...start, 'setup'], options);
    must(
      stderr.includes('addon: taken from '),
      `${name}: no platform package was taken:\n${stderr}`,
    );
    say(`${name}: the platform package is found`);
  }
}

function runTool(tools, [name, ...args], options) {
  const [program, ...before] = name in tools ? [process.execPath, tools[name]] : [name];
  return run(program, [...before, ...args], options);
}

function installTools(folder) {
  const prefix = join(folder, 'tools');
  const requirements = Object.values(TOOLS).map(({ requirement }) => requirement);
  mkdirSync(prefix, { recursive: true });
  const quiet = ['--no-audit', '--no-fund', '--ignore-scripts'];
  run('npm', ['install', '--prefix', prefix, ...quiet, ...requirements], { cwd: prefix });
  const located = ([name, { file }]) => [name, join(prefix, 'node_modules', file)];
  return Object.fromEntries(Object.entries(TOOLS).map(located));
}

function write(file, content) {
  mkdirSync(dirname(file), { recursive: true });
  const isText = typeof content === 'string';
  writeFileSync(file, isText ? content : JSON.stringify(content));
}
