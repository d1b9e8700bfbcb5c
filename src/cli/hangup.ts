import { readFileSync } from 'node:fs';
import { basename } from 'node:path';

/**
 * Whether this process was started so that a hangup of its terminal does not end it, as `nohup` and
 * `trap '' HUP` do. The system no longer tells, because Node makes every signal end the process
 * again that its parent had ignored. What tells is the standard input that `nohup` gives in place of
 * a terminal, which can only be written to; that the shell says it has started `nohup`; or that the
 * parent ignores hangups itself.
 */
export function ignoresHangup(): boolean {
  const startedBy = process.env._;
  return (
    hasInputOfNohup() ||
    (startedBy !== undefined && basename(startedBy) === 'nohup') ||
    doesParentIgnore()
  );
}

function hasInputOfNohup(): boolean {
  const [, flags] = /^flags:\s*(\d+)$/m.exec(procFile('self/fdinfo/0')) ?? [];
  return flags !== undefined && (Number.parseInt(flags, 8) & 3) === 1; // O_WRONLY
}

function doesParentIgnore(): boolean {
  const [, mask] = /^SigIgn:\s*([0-9a-f]+)$/m.exec(procFile(`${process.ppid}/status`)) ?? [];
  return mask !== undefined && Number.parseInt(mask.slice(-1), 16) % 2 === 1; // signal 1
}

/** Empty where the system has no such file: elsewhere than on Linux. */
function procFile(name: string): string {
  try {
    return readFileSync(`/proc/${name}`, 'utf8');
  } catch {
    return '';
  }
}
