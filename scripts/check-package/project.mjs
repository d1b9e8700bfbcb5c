import { chmodSync, lstatSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { must, run } from './run.mjs';

/** Somebody's project, in which packages are installed once. */
export class Project {
  #installed;

  /**
   * @param folder is made
   * @param env of its commands
   * @param overrides where npm finds packages that others depend on and that are not published yet
   */
  constructor(folder, env, overrides = {}) {
    this.folder = folder;
    this.env = env;
    mkdirSync(folder, { recursive: true });
    this.write('package.json', JSON.stringify({ private: true, overrides }));
  }

  /** Installs packages with npm, after which nothing may write into node_modules. */
  install(args) {
    const options = ['--no-audit', '--no-fund', '--loglevel=error'];
    run('npm', ['install', ...options, ...args], { cwd: this.folder });
    for (const path of this.#installedPaths()) chmodSync(path, lstatSync(path).mode & 0o555);
    this.#installed = this.#state();
  }

  /** Throws where something has written into node_modules: the superuser may, whatever its mode. */
  mustBeUntouched() {
    must(this.#state() === this.#installed, `${this.folder}/node_modules was written into`);
  }

  write(name, text) {
    writeFileSync(join(this.folder, name), text);
  }

  run(program, args, options = {}) {
    return run(program, args, { cwd: this.folder, env: this.env, ...options });
  }

  moco(args, options) {
    return this.run(join(this.folder, 'node_modules/.bin/moco'), args, options);
  }

  /** What a command of moco prints, which is JSON in every line. */
  json(args, options) {
    const lines = this.moco([...args, '--json'], options)
      .stdout.trim()
      .split('\n');
    return lines.map((line) => JSON.parse(line));
  }

  #installedPaths() {
    const folder = join(this.folder, 'node_modules');
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => !entry.isSymbolicLink())
      .map((entry) => join(entry.parentPath, entry.name));
  }

  #state() {
    return JSON.stringify(this.#installedPaths().map((path) => [path, lstatSync(path).mtimeMs]));
  }
}
