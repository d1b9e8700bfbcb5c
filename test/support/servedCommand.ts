import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';

/** A program that serves, in a process of its own. */
export interface ServedProgram {
  readonly child: ChildProcess;
  /** Where it listens. */
  readonly url: string;
  /** What it wrote until then, one line each. */
  readonly lines: readonly string[];
  /** What it has written to standard error by now. */
  readonly stderr: () => string;
  /** Its exit code and signal, once it has ended. */
  readonly exit: Promise<[code: number | null, signal: string | null]>;
}

/** Starts Node with these words, in a folder, and waits until it says where it listens. */
export async function servedProgram(
  context: TestContext,
  words: readonly string[],
  { cwd, env = {} }: { readonly cwd: string; readonly env?: NodeJS.ProcessEnv },
): Promise<ServedProgram> {
  const child = spawn(process.execPath, words, {
    ...{ cwd, env: { ...process.env, ...env } },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  context.after(() => child.kill('SIGKILL'));
  const exit = once(child, 'exit') as ServedProgram['exit'];
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    const [url] = /http:\/\/[\w.:[\]]+/.exec(line) ?? [];
    if (url !== undefined) return { child, url, lines, stderr: () => stderr, exit };
  }
  return assert.fail(`it ended before it listened: ${stderr}`);
}
