import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';

/** Runs an ES module in a process whose files cannot grow beyond 8 KiB, as if the disk were full. */
export function runWithSmallDisk(script: string): string {
  const limited = `ulimit -f 8; exec "$0" --input-type=module --eval "$1"`;
  // With a listener the signal does not end the process, so that the write fails instead.
  const program = `process.on('SIGXFSZ', () => {});\n${script}`;
  const child = spawnSync('bash', ['-c', limited, process.execPath, program], {
    encoding: 'utf8',
    cwd: new URL('../../..', import.meta.url),
  });
  assert.equal(child.status, 0, child.stderr);
  return child.stdout;
}
