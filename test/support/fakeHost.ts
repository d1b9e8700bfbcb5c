import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import type { Host } from '#moco/setup/host.js';
import type { Report } from '#moco/setup/report.js';

/** The Python that runs the tests; fakes pass on to it what they do not fake. */
export const realPython = execFileSync('python3', ['-c', 'import sys; print(sys.executable)'], {
  encoding: 'utf8',
}).trim();

/** A machine without anything: no Python on its path, an empty cache. */
export function bareHost(folder: string, env: NodeJS.ProcessEnv = {}): Host {
  const bin = join(folder, 'bin');
  mkdirSync(bin, { recursive: true });
  return {
    env: { PATH: bin, HOME: join(folder, 'home'), MOCO_CACHE: join(folder, 'cache'), ...env },
    platform: 'linux',
    arch: 'x64',
    nvidiaDriver: false,
  };
}

/** A report that keeps what it is told. */
export function keptReport(): Report & { readonly lines: string[] } {
  const lines: string[] = [];
  return { lines, line: (text) => lines.push(text), progress: () => {} };
}

/** Writes files, given by their paths below `root`; folders are made as needed. */
export function writeFiles(root: string, files: Record<string, string>): void {
  for (const [path, content] of Object.entries(files)) {
    const file = join(root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  }
}

/** Puts a shell script on a host's path. */
export function writeCommand(host: Host, name: string, script: string): string {
  const [bin = ''] = (host.env.PATH ?? '').split(delimiter);
  const file = join(bin, name);
  mkdirSync(bin, { recursive: true });
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
  return file;
}

/** The files of a LibTorch that the set-up looks at, by path. */
export function libtorchFiles(version: string): Record<string, string> {
  const [major, minor, patch] = version.split('.');
  return {
    'include/ATen/ATen.h': '',
    'include/torch/headeronly/version.h': [
      `#define TORCH_VERSION_MAJOR ${major}`,
      `#define TORCH_VERSION_MINOR ${minor}`,
      `#define TORCH_VERSION_PATCH ${patch}`,
    ].join('\n'),
    'lib/libc10.so': '',
    'lib/libtorch.so': '',
    'lib/libtorch_cpu.so': '',
  };
}

/** Makes a LibTorch in a folder and returns the folder. */
export function writeLibtorch(prefix: string, version: string): string {
  writeFiles(prefix, libtorchFiles(version));
  return prefix;
}

/** Makes a zip that has the given files below one top folder; returns its path. */
export function writeZip(file: string, top: string, files: Record<string, string>): string {
  const folder = `${file}.contents`;
  writeFiles(join(folder, top), files);
  mkdirSync(dirname(file), { recursive: true });
  execFileSync(realPython, ['-m', 'zipfile', '-c', file, `${top}/`], { cwd: folder });
  rmSync(folder, { recursive: true });
  return file;
}

/**
 * Puts a `python3` on a host's path. `torch`: the folder of its package; `pip`: a shell script that
 * stands for `pip download`, with the folder to fill in `$dest` and the requirement in
 * `$requirement`; null where there is no pip.
 */
export function writePython(
  host: Host,
  { torch, pip }: { torch?: string; pip?: string | null },
): void {
  const found = JSON.stringify(torch ?? null);
  writeCommand(
    host,
    'python3',
    `
case "$*" in
  *importlib.util*) printf '{"executable": "%s", "torch": %s}' "$0" '${found}' ;;
  "-m pip --version") exit ${pip === null ? 1 : 0} ;;
  "-m pip download"*)
    for argument; do
      [ "$previous" = --dest ] && dest=$argument
      previous=$argument
    done
    requirement=$argument
    ${pip ?? "echo 'ERROR: No matching distribution found' >&2; exit 1"} ;;
  *) exec ${realPython} "$@" ;;
esac`,
  );
}
