import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { isClone, versionOf } from '../packageRoot.js';
import { type BuildRecord, readRecord } from './buildRecord.js';
import { type CacheHost, cacheFolder } from './cacheFolder.js';
import type { LibtorchPrefix } from './libtorchPrefix.js';

/** What a set-up has settled: which addon is loaded, and with which LibTorch. */
export interface SetUpRecord {
  /** The folder of the addon. */
  readonly addon: string;
  readonly libtorch: LibtorchPrefix;
}

/** An addon that can be loaded, as far as its files tell. */
export interface LoadableAddon {
  /** The addon's folder. */
  readonly folder: string;
  readonly record: BuildRecord;
  /** The LibTorch that it is loaded with. */
  readonly libtorch: LibtorchPrefix;
}

/** A machine, as far as it decides what was set up for it. */
export interface SetUpHost extends CacheHost {
  readonly arch: string;
}

/** What names of records in the cache begin with. */
export const SET_UP = 'set-up-';

/** Relative to a clone: what its addon is built in. */
export const CLONE_BUILD = 'build/native';

/** In a published package: the fingerprint of what its addon is built from. */
export const SOURCES_FILE = 'dist/native-sources.json';

/** `0.1.0-linux-x64-1a2b3c4d`: what the set-ups and addons of a published package are known by. */
export function setUpKey(root: string, { platform, arch }: SetUpHost): string {
  return [versionOf(root), platform, arch, publishedSources(root).slice(0, 8)].join('-');
}

/** The fingerprint of what a published package's addon is built from. */
export function publishedSources(root: string): string {
  return JSON.parse(readFileSync(join(root, SOURCES_FILE), 'utf8')).sources;
}

/**
 * What was set up for a package: for a clone in its own folder; for a published package, of which
 * there may be many copies, in the cache. Undefined where nothing was.
 */
export function readSetUp(root: string, host: SetUpHost): SetUpRecord | undefined {
  const file = setUpFile(root, host);
  const record = readRecord(file) as SetUpRecord | undefined;
  if (record === undefined) return undefined;
  const { addon, libtorch } = record;
  const located = (path: string) => resolve(dirname(file), path);
  return { addon: located(addon), libtorch: { ...libtorch, prefix: located(libtorch.prefix) } };
}

/** Records what was set up; by rename, so that a record is never half written. */
export function writeSetUp(root: string, host: SetUpHost, record: SetUpRecord): void {
  const { addon, libtorch } = record;
  const file = setUpFile(root, host);
  const folder = dirname(file);
  // What lies beside the record is found beside it when the whole folder was moved or copied.
  const shown = (path: string) => {
    const inside = relative(folder, path);
    return inside.startsWith('..') ? path : inside;
  };
  const written = {
    addon: shown(addon),
    libtorch: { ...libtorch, prefix: shown(libtorch.prefix) },
  };
  mkdirSync(folder, { recursive: true });
  const temporary = `${file}.${process.pid}.new`;
  writeFileSync(temporary, `${JSON.stringify(written, null, 2)}\n`);
  renameSync(temporary, file);
}

/** Removes the record, before what it names is changed. */
export function removeSetUp(root: string, host: SetUpHost): void {
  rmSync(setUpFile(root, host), { force: true });
}

/** The file that has the record. */
export function setUpFile(root: string, host: SetUpHost): string {
  if (isClone(root)) return join(root, CLONE_BUILD, 'set-up.json');
  return join(cacheFolder(host), `${SET_UP}${setUpKey(root, host)}.json`);
}
