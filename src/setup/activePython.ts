import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { Host } from './host.js';

/** The Python that the user's shell would start. */
export interface ActivePython {
  readonly executable: string;
  /** The folder of its `torch` package, where it has one. */
  readonly torch: string | undefined;
}

/** Looks `torch` up without importing it, which would take seconds. */
const LOOK_UP_TORCH = `
import importlib.util, json, sys
spec = importlib.util.find_spec("torch")
folders = list(spec.submodule_search_locations or []) if spec else []
print(json.dumps({"executable": sys.executable, "torch": folders[0] if folders else None}))
`;

/** The active virtual environment's Python, else the first on `PATH`; undefined where none runs. */
export function activePython({ env }: Host): ActivePython | undefined {
  const commands = ['python3', 'python'];
  if (env.VIRTUAL_ENV) commands.unshift(join(env.VIRTUAL_ENV, 'bin/python'));
  for (const command of commands) {
    const found = lookUpTorch(command, env);
    if (found) return found;
  }
  return undefined;
}

function lookUpTorch(command: string, env: NodeJS.ProcessEnv): ActivePython | undefined {
  let output: string;
  try {
    // From `/`, because `-c` puts the working folder on Python's search path.
    output = execFileSync(command, ['-c', LOOK_UP_TORCH], {
      cwd: '/',
      env,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  } catch {
    // There is no such command, or it is Python 2 or a launcher that finds no Python: try the next.
    return undefined;
  }
  const { executable, torch } = JSON.parse(output) as { executable: string; torch: string | null };
  return { executable, torch: torch ?? undefined };
}
