import type { Failure } from './probe.js';

/** Why another process could not be started, or did not come to its end, and what to do. */
export function notStarted(error: unknown): Failure {
  const { code, message, killed } = error as { code?: string; message: string; killed?: boolean };
  const reason = killed ? 'it does not come to its end' : message.split('\n')[0];
  return {
    code,
    message: `another process of Node cannot be used: ${reason}`,
    hint:
      code === 'ERR_ACCESS_DENIED'
        ? "Give Node's permission model --allow-child-process."
        : "Raise the limit on processes and threads (`ulimit -u`, a container's limit on pids).",
  };
}
