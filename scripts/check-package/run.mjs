import { spawnSync } from 'node:child_process';

/**
 * Runs a program to its end and returns what it printed. Throws, with all of that, where it ends
 * with another exit code than expected.
 */
export function run(program, args, { cwd, env = process.env, exitCode = 0 }) {
  const { status, signal, stdout, stderr, error } = spawnSync(program, args, {
    ...{ cwd, env, encoding: 'utf8', maxBuffer: 1e8, stdio: ['ignore', 'pipe', 'pipe'] },
  });
  if (error) throw error;
  if (status === exitCode) return { stdout, stderr };
  const command = [program, ...args].join(' ');
  throw new Error(
    `${command}\nin ${cwd} ended with ${signal ?? `exit code ${status}`}, expected ${exitCode}:\n${stdout}\n${stderr}`,
  );
}

/** Throws where something that must hold does not. */
export function must(holds, what) {
  if (!holds) throw new Error(what);
}
