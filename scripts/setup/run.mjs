import { spawn } from 'node:child_process';
import { once } from 'node:events';

/**
 * Runs a program to its end and returns its exit code. What it prints goes to standard error, so
 * that standard output has nothing but what the user's command prints.
 */
export async function run(program, args, cwd) {
  const child = spawn(program, args, { cwd, stdio: ['ignore', 2, 2] });
  const [exitCode] = await once(child, 'close');
  return exitCode ?? 1;
}

/** Tells the user one line, on standard error. */
export function say(line) {
  process.stderr.write(`${line}\n`);
}
